"""The models of the data folder: compiled, with their reference vectors, on the host and in the TA."""
