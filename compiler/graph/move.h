// Moves (movement_attributes.h): how they are made and put together.
#pragma once

#include <optional>

#include "compiler/graph/graph.h"
#include "compiler/graph/shape_inference.h"

namespace sz::compiler {

// The shape of the result.
Shape move_shape(const MoveAttributes& move);

// One loop for each dimension, which walks along the same dimension of x.
MoveAttributes identity_move(const Shape& x);
MoveAttributes slice_move(const std::vector<SliceRange>& ranges);
// y.dims[i] = x.dims[perm[i]].
MoveAttributes transpose_move(const Shape& x, const std::vector<std::int64_t>& perm);
// Negative pads cut off. Nothing if a dimension would be padding alone.
std::optional<MoveAttributes> pad_move(const Shape& x, const std::vector<PadRange>& pads,
                                       std::uint64_t fill);
// Broadcasting to `shape`, of at least x's rank.
MoveAttributes expand_move(const Shape& x, const Shape& shape);
MoveAttributes tile_move(const Shape& x, const std::vector<std::int64_t>& repeats);

// The same elements under another shape, where its dimensions can be made of whole loops and
// factors of loops.
std::optional<MoveAttributes> regrouped(const MoveAttributes& move, const Shape& shape);

// `first` and then `second`, as one; nothing if that is no walk of loops, or if `first` fills.
std::optional<MoveAttributes> composed(const MoveAttributes& first, const MoveAttributes& second);

}  // namespace sz::compiler
