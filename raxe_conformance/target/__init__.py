"""WHO is judged. shipped.py is the only module that knows both registry/ and runtime/."""
