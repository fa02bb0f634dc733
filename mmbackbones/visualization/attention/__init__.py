"""What a backbone attends to: computed by the equations of its paper, and drawn."""

from .attention import Attention, AttentionMap, attention_of

__all__ = ['Attention', 'AttentionMap', 'attention_of']
