"""Honest lesser entrants: a pixel diffusion of the 2020 kind, a variational autoencoder, and retrieval.

They read prompts with Lumen's tokenizer and were made from the same pictures, so that what parts them from
Lumen is how they paint. Importing this package imports none of them, for each brings torch.
"""
