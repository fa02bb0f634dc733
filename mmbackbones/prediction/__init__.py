"""What a trained model predicts on a user's images and videos."""
