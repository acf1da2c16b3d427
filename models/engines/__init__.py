"""What runs the heavy parts of a pipeline: torch as it comes, torch compiled, or OpenVINO.

`choice` settles what a card leaves open, `eager` applies torch's own options, `intel` converts parts to
OpenVINO as they are first called, and `embeddings` keeps what text encoders have said. An engine decides how
fast a picture comes; how far its pictures may be from torch's own float32 is in `tolerance`. Importing this
package imports neither torch nor OpenVINO.
"""
