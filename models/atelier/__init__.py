"""The atelier: a path tracer with a grammar of scenes, the arena's reference and Lumen's teacher."""
