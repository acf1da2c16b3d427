"""Words in their context: one vector a word, and one for the whole prompt."""

from __future__ import annotations

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from models.lumen.layers import Attention, RMSNorm, SwiGLU, masked_mean, padding_bias, rotation


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = RMSNorm(width), RMSNorm(width)
        self.attention = Attention(width, heads)
        self.mlp = SwiGLU(width, hidden)
        nn.init.zeros_(self.attention.out.weight)
        nn.init.zeros_(self.mlp.down.weight)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], bias: Tensor) -> Tensor:
        x = x + self.attention(self.norm_1(x), turn, bias)
        answer: Tensor = x + self.mlp(self.norm_2(x))
        return answer


class LumenTextEncoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A few transformer layers over word embeddings, trained together with the picture transformer.

    Parameters
    ----------
    vocabulary : int
        Number of tokens.
    width, layers, heads, hidden : int
        Width of a token, number of layers and heads, inner width of the gated MLP.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self, vocabulary: int, width: int = 256, layers: int = 2, heads: int = 4, hidden: int = 256
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.words.weight, std=0.5)
        self.blocks = nn.ModuleList([_Layer(width, heads, hidden) for _ in range(layers)])
        self.norm = RMSNorm(width)
        self.pool = nn.Linear(2 * width, width)
        self.half = width // heads // 2

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Read prompts.

        Parameters
        ----------
        ids, mask : Tensor of shape (batch, words)
            See `models.lumen.tokenizer.Reading`.

        Returns
        -------
        words : Tensor of shape (batch, words, width)
        pooled : Tensor of shape (batch, width)
            From the means of the raw embeddings and of `words`: the first keeps plain word counts at hand,
            which is what colours and places need first.
        """
        raw = self.words(ids)
        places = torch.arange(ids.shape[1], device=ids.device)[:, None]
        turn, bias = rotation(places, (self.half,)), padding_bias(mask)
        x = raw
        for layer in self.blocks:
            x = layer(x, turn, bias)
        x = self.norm(x)
        return x, self.pool(torch.cat([masked_mean(raw, mask), masked_mean(x, mask)], dim=-1))
