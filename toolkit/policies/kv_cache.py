"""A key-value cache that lives across turns, and the attention that reads it.

Rows are episodes; token `j` of a row lies in column `j`. A forward pass takes the new
tokens of any rows end to end, `(1, N)` without padding, so the layers of the model
compute nothing twice and nothing in vain. Only attention must know whose token is
whose: `attend` takes the place of the model's own attention while the cache is used,
through the `AttentionInterface` of transformers.

Shapes: `R` rows, `H` key-value heads, `G` query heads for each of them, `L` columns,
`D` head size, `N` new tokens, `B` rows that they belong to.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from toolkit.errors import ModelError

ATTENTION = "toolkit_rows"
UNSUPPORTED = ("softcap", "s_aux", "position_bias")
REUSABLE = 1 << 28
"""Bytes up to which a cache's memory is kept for the next one."""


class Span(NamedTuple):
    """The new tokens of one row, for attention row by row."""

    row: int
    begin: int
    """First of its tokens among the `N`."""
    end: int
    length: int
    """Tokens of the row including the new ones."""
    mask: Tensor | None
    """`(tokens, length)`; not needed for a single token or a first prompt."""
    is_causal: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """The new tokens of one forward pass, rows end to end."""

    row: Tensor
    """Row of each token `(N,)`."""
    position: Tensor
    """Column of each token `(N,)`."""
    last: Tensor
    """Where the last token of each row is `(B,)`."""
    spans: list[Span]
    """The rows one by one; empty if all are computed at once."""
    place: Tensor
    """Which of its row's new tokens each one is `(N,)`."""
    first: int
    """The lowest of the rows."""
    mask: Tensor | None
    """`(r, 1, n, L)`, 0 where a query may look and minus infinity elsewhere, if the
    `r` rows from the first one on are computed at once."""


class RowCache:
    """Keys and values of all live episodes, one buffer `(R, H, L, D)` per layer.

    Buffers grow by half and are written in place, where `DynamicCache` copies the
    whole cache for every token. A closed row is used again by the next episode.

    Args:
        device: Where the model is.
        dtype: Number format of the model.
        by_row: Compute the attention of longer chunks row by row, at the exact length
            of each: fastest on a CPU. Otherwise, and for one new token each, all rows
            are computed at once under a mask.
        reuse: A cache that is no longer needed; its memory is used if it fits.
    """

    def __init__(
        self,
        device: torch.device,
        dtype: torch.dtype,
        *,
        by_row: bool,
        reuse: RowCache | None = None,
    ) -> None:
        self.device, self.dtype, self.by_row = device, dtype, by_row
        self.keys: dict[int, Tensor] = {}
        self.values: dict[int, Tensor] = {}
        self.lengths: list[int] = []
        self._closed: list[int] = []
        self._columns = 64
        self._chunk: Chunk | None = None
        if reuse and (reuse.device, reuse.dtype) == (device, dtype):
            self._columns = reuse._columns
            if reuse.nbytes <= REUSABLE:
                self.keys, self.values = reuse.keys, reuse.values

    @property
    def nbytes(self) -> int:
        """Memory that the cache takes."""
        buffers = (*self.keys.values(), *self.values.values())
        return sum(buffer.nbytes for buffer in buffers)

    def open_row(self) -> int:
        """Return the number of an empty row, the lowest there is."""
        if self._closed:
            return heapq.heappop(self._closed)
        self.lengths.append(0)
        return len(self.lengths) - 1

    def close_row(self, row: int) -> None:
        """Give a row back."""
        self.lengths[row] = 0
        heapq.heappush(self._closed, row)

    def copy_row(self, source: int, targets: Sequence[int]) -> None:
        """Give `targets` the contents of row `source`."""
        length = self.lengths[source]
        for buffer in (*self.keys.values(), *self.values.values()):
            buffer[list(targets), :, :length] = buffer[source, :, :length]
        for row in targets:
            self.lengths[row] = length

    def append(self, rows: Sequence[int], counts: Sequence[int]) -> Chunk:
        """Prepare a forward pass that appends `counts[i]` tokens to row `rows[i]`."""
        starts = [self.lengths[row] for row in rows]
        for row, count in zip(rows, counts, strict=True):
            self.lengths[row] += count
        self._grow()
        sizes = torch.tensor(counts)
        end = sizes.cumsum(0)
        place = torch.arange(int(end[-1])) - (end - sizes).repeat_interleave(sizes)
        row_of = torch.tensor(rows).repeat_interleave(sizes)
        position = torch.tensor(starts).repeat_interleave(sizes) + place
        first = min(rows)
        is_step = max(counts) == 1 and 2 * len(rows) > max(rows) + 1 - first
        by_row = self.by_row and not is_step
        self._chunk = Chunk(
            row=row_of.to(self.device),
            position=position.to(self.device),
            last=(end - 1).to(self.device),
            spans=self._spans(rows, starts, counts) if by_row else [],
            place=place.to(self.device),
            first=first,
            mask=None if by_row else self._mask(row_of - first, place, position),
        )
        return self._chunk

    def update(
        self, key: Tensor, value: Tensor, layer: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write the `(1, H, N, D)` of a chunk; return the buffers `(R, H, L, D)`."""
        chunk = self._chunk
        assert chunk is not None
        out = []
        for buffers, new in ((self.keys, key), (self.values, value)):
            buffer = buffers[layer] = self._fitted(buffers.get(layer), new)
            buffer[chunk.row, :, chunk.position] = new[0].transpose(0, 1)
            out.append(buffer)
        return out[0], out[1]

    def get_seq_length(self, layer: int = 0) -> int:
        """Return 0, for transformers: positions are always passed explicitly."""
        return 0

    def _spans(
        self, rows: Sequence[int], starts: Sequence[int], counts: Sequence[int]
    ) -> list[Span]:
        """Lay out attention row by row.

        All masks are views of one band: its query `j` sees the keys up to
        `base + j`, and cutting `base - start` keys off shifts that to `start + j`.
        """
        base, most = max(starts), max(counts)
        band = torch.zeros(0)
        if base and most > 1:
            band = torch.full((most, base + most), float("-inf"), dtype=self.dtype)
            band = band.triu(base + 1).to(self.device)
        spans, begin = [], 0
        for row, start, count in zip(rows, starts, counts, strict=True):
            needs_mask = start > 0 and count > 1
            mask = band[:count, base - start : base + count] if needs_mask else None
            end, is_causal = begin + count, start == 0 and count > 1
            spans.append(Span(row, begin, end, start + count, mask, is_causal))
            begin = end
        return spans

    def _mask(self, row: Tensor, place: Tensor, position: Tensor) -> Tensor:
        """Return where the queries of all rows may look; idle ones see column 0."""
        newest = position.new_zeros(int(row.max()) + 1, int(place.max()) + 1)
        newest[row, place] = position
        keys = torch.arange(int(position.max()) + 1)
        hidden = keys > newest[:, None, :, None]
        mask = torch.zeros(hidden.shape, dtype=self.dtype)
        return mask.masked_fill_(hidden, float("-inf")).to(self.device)

    def _grow(self) -> None:
        """Plan more columns if the longest row does not fit."""
        need = max(self.lengths)
        if need > self._columns:
            self._columns = need + need // 2

    def _fitted(self, buffer: Tensor | None, new: Tensor) -> Tensor:
        """Return a buffer with room for all rows, made or enlarged if need be."""
        rows = len(self.lengths)
        if buffer is not None and buffer.shape[0] >= rows:
            if buffer.shape[2] >= self._columns:
                return buffer
            rows = buffer.shape[0]
        # zeros: under a mask, garbage that is not a number would come through
        bigger = new.new_zeros((rows, new.shape[1], self._columns, new.shape[3]))
        if buffer is not None:
            bigger[: buffer.shape[0], :, : buffer.shape[2]] = buffer
        return bigger


def attend(
    module: Any,
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    attention_mask: Tensor | None,
    *,
    chunk: Chunk,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Compute the attention of a chunk's queries over their own rows.

    Args:
        module: The attention layer; unused.
        query: `(1, H * G, N, D)`.
        keys: Buffer `(R, H, L, D)`.
        values: Buffer `(R, H, L, D)`.
        attention_mask: Unused: the chunk says who may look where.
        chunk: What `RowCache.append` returned.
        scaling: Factor of the scores.
        **kwargs: What else the model tells its attention.

    Returns:
        `(1, N, H * G, D)`, and no attention weights.

    Raises:
        ModelError: If the model needs more than plain full attention.
    """
    check_plain(kwargs, keys.shape[2])
    compute = _by_row if chunk.spans else _at_once
    return compute(query[0], keys, values, chunk, scaling)[None], None


def _by_row(
    query: Tensor, keys: Tensor, values: Tensor, chunk: Chunk, scale: float | None
) -> Tensor:
    """Attend row after row, `(H * G, N, D)` to `(N, H * G, D)`."""
    all_heads, n, size = query.shape
    heads = keys.shape[1]  # they take the place of the batch
    groups = all_heads // heads
    query = query.reshape(heads, groups, n, size)
    out = query.new_empty(n, heads, groups, size)
    target = out.permute(1, 2, 0, 3)
    shared = (-1, groups, -1, -1)
    for row, begin, end, length, mask, is_causal in chunk.spans:
        target[:, :, begin:end] = scaled_dot_product_attention(
            query[:, :, begin:end],
            keys[row, :, None, :length].expand(shared),
            values[row, :, None, :length].expand(shared),
            attn_mask=mask,
            is_causal=is_causal,
            scale=scale,
        )
    return out.flatten(1, 2)


def _at_once(
    query: Tensor, keys: Tensor, values: Tensor, chunk: Chunk, scale: float | None
) -> Tensor:
    """Attend in one rectangle of the rows, `(H * G, N, D)` to `(N, H * G, D)`."""
    assert chunk.mask is not None
    rows, _, places, columns = chunk.mask.shape
    full = query.new_zeros(rows, places, query.shape[0], query.shape[2])
    row, used = chunk.row - chunk.first, slice(chunk.first, chunk.first + rows)
    full[row, chunk.place] = query.transpose(0, 1)
    heads = keys.shape[1]
    groups = query.shape[0] // heads
    mask = chunk.mask
    if places > 1:  # the heads of a group become places of their own
        mask = mask[:, :, None].expand(-1, -1, groups, -1, -1).flatten(2, 3)
    out = scaled_dot_product_attention(
        full.transpose(1, 2).reshape(rows, heads, groups * places, -1),
        keys[used, :, :columns],
        values[used, :, :columns],
        attn_mask=mask,
        scale=scale,
    )
    out = out.reshape(rows, heads * groups, places, -1)
    return out.transpose(1, 2)[row, chunk.place]


def check_plain(kwargs: dict[str, Any], columns: int) -> None:
    """Refuse kinds of attention that are not computed here."""
    odd = [name for name in UNSUPPORTED if kwargs.get(name) is not None]
    window = kwargs.get("sliding_window")
    if odd or (window and window < columns):
        raise _unsupported(", ".join(odd) or "a sliding window")


AttentionInterface.register(ATTENTION, attend)


@contextmanager
def attending(model: Any, attention: str) -> Iterator[None]:
    """Let a model attend in another way inside a `with` block.

    Args:
        model: A causal language model, or what accelerate wrapped around one.
        attention: Name under which the way is registered in `AttentionInterface`.
    """
    config = getattr(model, "module", model).config
    before = config._attn_implementation
    config._attn_implementation = attention
    try:
        yield
    finally:
        config._attn_implementation = before


def check_attention(model: Any) -> None:
    """Raise if a model cannot attend with `attend`.

    Raises:
        ModelError: If it has layers that are not attention, or fixes its own.
    """
    kinds = set(getattr(model.config, "layer_types", None) or ())
    odd = kinds - {"full_attention", "sliding_attention"}
    if odd or not getattr(model, "_supports_attention_backend", False):
        raise _unsupported(", ".join(sorted(odd)) or "attention of its own")


def _unsupported(what: str) -> ModelError:
    return ModelError(
        "The cache that is kept across turns cannot serve this model.",
        f"It uses {what}.",
        'Use load_policy(..., backend="generate").',
    )
