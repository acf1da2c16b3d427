"""Votes in the formats that researchers already load: one module a family, all over one source of rows."""
