"""What the tests are made of: a toy variant, and ways to break it."""
