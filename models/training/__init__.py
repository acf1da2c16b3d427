"""How Lumen is made: data, training, distillation and judging."""
