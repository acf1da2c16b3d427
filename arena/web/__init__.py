"""The pages: views parse, call one thing, and answer."""
