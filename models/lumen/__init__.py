"""Lumen: a small text-to-image model of our own, from words to pixels.

`tokenizer` turns a prompt into words, `text_encoder` words into vectors, `transformer` noise into latents by
following a flow, `autoencoder` latents into a picture; `pipeline` joins them into a diffusers pipeline.
Importing this package imports none of them, for each brings torch.
"""
