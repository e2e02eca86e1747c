"""All cases. Importing this declares them."""

from meta_tests.hostile import (
    bundle_cases,
    fifth_look_cases,
    file_cases,
    fourth_look_cases,
    json_cases,
    onnx_cases,
    second_look_cases,
    sixth_look_cases,
    tokenizer_cases,
    zip_cases,
)
from meta_tests.hostile.case import CASES

__all__ = [
    "CASES",
    "bundle_cases",
    "fifth_look_cases",
    "file_cases",
    "fourth_look_cases",
    "json_cases",
    "onnx_cases",
    "second_look_cases",
    "sixth_look_cases",
    "tokenizer_cases",
    "zip_cases",
]
