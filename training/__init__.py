"""Training of the Thimble model: data factory, PyTorch model, quantization and export."""
