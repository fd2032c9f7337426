"""ONNX's backend tests: what compiles, what it gives on the host and in the TA, and the table of it."""
