"""The scenarios of `hookean demo`: one day of real-shaped traffic on three platforms."""
