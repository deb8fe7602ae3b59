"""Networks of other libraries as backbones: by name, with weights from a file."""
