"""A key-value cache that lives across turns.

Rows are episodes. Token `j` of a row lies in column `j + 1` of that row, whatever its
neighbours do, so there are no gaps and positions need no bookkeeping; column 0 takes
the writes of padding and is never read. Buffers grow by half and are written in
place, where `DynamicCache` would copy the whole cache for every token.

Shapes: `R` rows, `H` key-value heads, `L` columns, `D` head size, `n` new tokens.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin


class RowLayer(CacheLayerMixin):
    """Keys and values of one model layer, `(R, L, H, D)`.

    A token's heads lie side by side, so that a write is one contiguous block; reads
    are transposed views.
    """

    is_sliding = False

    def __init__(self, owner: RowCache) -> None:
        super().__init__()
        self.owner = owner

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Allocate the buffers when the shapes are first seen."""
        room = (self.owner.row_capacity, self.owner.capacity)
        _, heads, _, size = key_states.shape
        self.keys = key_states.new_zeros((*room, heads, size))
        self.values = value_states.new_zeros((*room, heads, value_states.shape[-1]))
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write `(B, H, n, D)` and return what the queries may look at."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        assert self.keys is not None
        assert self.values is not None
        o = self.owner
        self.keys[o.write_rows, o.write_columns] = key_states.transpose(1, 2)
        self.values[o.write_rows, o.write_columns] = value_states.transpose(1, 2)
        if o.fresh:  # no history: a batch of prompts looks at itself only
            return key_states, value_states
        rows = slice(0, o.rows) if o.selected is None else o.selected
        keys, values = self.keys[:, : o.width][rows], self.values[:, : o.width][rows]
        return keys.transpose(1, 2), values.transpose(1, 2)

    def get_seq_length(self) -> int:
        """Return 0: positions are always passed explicitly."""
        return 0

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Return length and offset; unused, since masks are passed ready-made."""
        return self.owner.width, 0

    def get_max_length(self) -> int:
        """Return -1: there is no limit."""
        return -1


class RowCache(Cache):
    """The cache of all live episodes; rows `0 … rows - 1` are in use."""

    def __init__(self, layers: int, device: torch.device) -> None:
        super().__init__(layers=[RowLayer(self) for _ in range(layers)])
        self.device = device
        self.capacity, self.row_capacity = 0, 0
        self.rows = 0
        self.lengths: list[int] = []
        self.width = 0
        self.fresh = False
        self.selected: Tensor | None = None
        self.write_rows = self.write_columns = torch.empty(0, dtype=torch.long)

    def add_rows(self, count: int) -> list[int]:
        """Open empty rows and return their numbers."""
        new = list(range(self.rows, self.rows + count))
        self.rows += count
        self.lengths += [0] * count
        self._reserve(self.rows, 1)
        return new

    def copy_row(self, source: int, targets: list[int]) -> None:
        """Give `targets` the contents of row `source`."""
        length = self.lengths[source]
        for layer in self.layers:
            for buffer in (layer.keys, layer.values):
                buffer[targets, : length + 1] = buffer[source, : length + 1]
        for row in targets:
            self.lengths[row] = length

    def drop_row(self, row: int) -> int:
        """Close a row; the last row takes its number. Returns the row that moved."""
        last = self.rows - 1
        if row != last:
            self.copy_row(last, [row])
        self.rows = last
        self.lengths.pop()
        return last

    def plan(self, rows: list[int], counts: list[int]) -> tuple[Tensor, Tensor]:
        """Prepare a forward pass that appends `counts[i]` tokens to `rows[i]`.

        The chunk is left-padded to `n = max(counts)`, so that the last column holds
        the last token of every row.

        Returns:
            Positions `(B, n)` and the attention mask `(B, 1, n, columns)`, True where
            a query may look.
        """
        n = max(counts)
        start = torch.tensor([self.lengths[r] for r in rows])
        count = torch.tensor(counts)
        offset = torch.arange(n)[None] - (n - count)[:, None]
        position = (start[:, None] + offset).clamp(min=0)
        for row, c in zip(rows, counts, strict=True):
            self.lengths[row] += c
        self._reserve(self.rows, 0)
        self.fresh = not bool(start.any())
        is_prefix = rows == list(range(self.rows))
        index = torch.tensor(rows)
        self.selected = None if is_prefix or self.fresh else index.to(self.device)
        self.width = 1 + int((start + count).max())
        self.write_rows = index[:, None].to(self.device)
        column = torch.where(offset >= 0, position + 1, 0)
        self.write_columns = column.to(self.device)
        if self.fresh:
            key_offset = offset[:, None, None, :]
            mask = (key_offset <= offset[:, None, :, None]) & (key_offset >= 0)
        else:
            keys = torch.arange(self.width)
            mask = (keys <= position[:, None, :, None] + 1) & (keys > 0)
        # a padding query must look somewhere, or its softmax is not a number
        mask = mask | (offset < 0)[:, None, :, None]
        return position.to(self.device), mask.to(self.device)

    def _reserve(self, rows: int, extra: int) -> None:
        """Grow the buffers if rows or columns do not fit."""
        need = max(self.lengths, default=0) + extra + 1
        if need <= self.capacity and rows <= self.row_capacity:
            return
        self.capacity = max(self.capacity, need + need // 2, 64)
        self.row_capacity = max(self.row_capacity, rows)
        for layer in self.layers:
            if layer.is_initialized:
                layer.keys = self._grown(layer.keys)
                layer.values = self._grown(layer.values)

    def _grown(self, buffer: Tensor) -> Tensor:
        """Return a larger buffer with the same contents."""
        rows, columns, *rest = buffer.shape
        bigger = buffer.new_zeros((self.row_capacity, self.capacity, *rest))
        bigger[:rows, :columns] = buffer
        return bigger
