"""What computes token vectors from token ids: ONNX Runtime, or OpenVINO where the extra is installed.

session says what each of them must do and opens one; the others are imported when they are used.
"""
