"""The groups of checks. By itself, because the plugin registers their markers before anything else is imported."""

from __future__ import annotations

# The order in which groups are judged and shown. Each is a pytest marker and, once it has checks, a module here.
GROUPS = {
    "schema": "metadata holds to schema 2.0.0 and does not contradict itself or the files",
    "integrity": "every file is there, is the declared one, and loads",
    "size": "the bytes that ship",
    "latency": "time of one call, tokenization included",
    "throughput": "requests a second",
    "memory": "bytes at load, steady, per request",
    "accuracy": "right decisions on the benchmark",
    "fpr": "false alarms on benign rows",
    "robustness": "decisions that do not change with what should not matter",
    "registry": "behaviour of the registry",
    "deployment": "shipping and taking back",
}
