"""Writers of data folders in the shape in which the usual tools export them, one file per family of formats."""
