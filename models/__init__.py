"""Networks: layers, ONNX import, quantization and sparse formats."""
