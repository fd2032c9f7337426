// Operators of ONNX that read images between their pixels.
#include <cmath>

#include "compiler/import/onnx/families.h"
#include "compiler/import/onnx/importer.h"

namespace sz::compiler {
namespace {

template <typename T>
T choice(NodeReader& reader, const char* name, const char* otherwise,
         const std::map<std::string, T>& choices) {
  const std::string text = reader.text(name, otherwise);
  const auto found = choices.find(text);
  if (found == choices.end()) {
    reader.refuse(std::string(name) + " '" + text + "' is not implemented");
  }
  return found->second;
}

ResizeMode mode_of(NodeReader& reader) {
  return choice<ResizeMode>(reader, "mode", "nearest",
                            {{"nearest", ResizeMode::kNearest},
                             {"linear", ResizeMode::kLinear},
                             {"bilinear", ResizeMode::kLinear},
                             {"cubic", ResizeMode::kCubic}});
}

// Upsample, and Resize of opset 10: output i is at i / scale, rounded down.
void upsample(NodeImport& n) {
  ResizeAttributes resize;
  resize.mode = mode_of(n.reader);
  if (resize.mode == ResizeMode::kCubic) n.reader.refuse("mode 'cubic' needs opset 11");
  resize.coordinates = Coordinates::kAsymmetric;
  resize.nearest = NearestMode::kFloor;
  if (n.reader.opset() >= 9) {
    n.reader.expect_inputs(2, 2);
  } else {
    n.reader.expect_inputs(1, 1);
    const auto scales = n.reader.reals("scales");
    n.inputs.push_back(
        n.builder.constant(make_f32({static_cast<std::int64_t>(scales.size())}, scales)));
  }
  n.inputs = {n.inputs[0], kNoValue, n.inputs[1], kNoValue};
  emit(n, Op::kResize, resize);
}

void old_upsample(NodeImport& n) {
  if (n.reader.opset() >= 10) n.reader.refuse("opset 10 and later have no Upsample, but Resize");
  upsample(n);
}

ResizeAttributes attributes_of(NodeReader& reader) {
  ResizeAttributes a;
  a.mode = mode_of(reader);
  a.coordinates = choice<Coordinates>(reader, "coordinate_transformation_mode", "half_pixel",
                                      {{"half_pixel", Coordinates::kHalfPixel},
                                       {"half_pixel_symmetric", Coordinates::kHalfPixelSymmetric},
                                       {"pytorch_half_pixel", Coordinates::kPytorchHalfPixel},
                                       {"align_corners", Coordinates::kAlignCorners},
                                       {"asymmetric", Coordinates::kAsymmetric},
                                       {"tf_crop_and_resize", Coordinates::kCropAndResize}});
  a.nearest = choice<NearestMode>(reader, "nearest_mode", "round_prefer_floor",
                                  {{"round_prefer_floor", NearestMode::kPreferFloor},
                                   {"round_prefer_ceil", NearestMode::kPreferCeil},
                                   {"floor", NearestMode::kFloor},
                                   {"ceil", NearestMode::kCeil}});
  a.ratio = choice<AspectRatio>(reader, "keep_aspect_ratio_policy", "stretch",
                                {{"stretch", AspectRatio::kStretch},
                                 {"not_larger", AspectRatio::kNotLarger},
                                 {"not_smaller", AspectRatio::kNotSmaller}});
  a.cubic = static_cast<double>(reader.real("cubic_coeff_a", -0.75f));
  a.exclude_outside = reader.flag("exclude_outside", false);
  a.antialias = reader.flag("antialias", false);
  a.outside = reader.real("extrapolation_value", 0);
  a.axes = reader.integers("axes");
  if (!std::isfinite(a.cubic)) reader.refuse("cubic_coeff_a must be finite");
  return a;
}

void resize(NodeImport& n) {
  if (n.reader.opset() < 11) return upsample(n);
  const ResizeAttributes attributes = attributes_of(n.reader);
  n.reader.expect_inputs(1, 4);
  n.inputs.resize(4, kNoValue);
  emit(n, Op::kResize, attributes);
}

void grid_sample(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  GridSampleAttributes a;
  a.mode = choice<SampleMode>(n.reader, "mode", n.reader.opset() < 20 ? "bilinear" : "linear",
                              {{"nearest", SampleMode::kNearest},
                               {"linear", SampleMode::kLinear},
                               {"bilinear", SampleMode::kLinear},
                               {"cubic", SampleMode::kCubic},
                               {"bicubic", SampleMode::kCubic}});
  a.padding = choice<SamplePadding>(n.reader, "padding_mode", "zeros",
                                    {{"zeros", SamplePadding::kZeros},
                                     {"border", SamplePadding::kBorder},
                                     {"reflection", SamplePadding::kReflection}});
  a.align_corners = n.reader.flag("align_corners", false);
  emit(n, Op::kGridSample, a);
}

void roi_align(NodeImport& n) {
  n.reader.expect_inputs(3, 3);
  RoiAlignAttributes a;
  a.maximum = choice<bool>(n.reader, "mode", "avg", {{"avg", false}, {"max", true}});
  if (n.reader.opset() < 16) {
    a.half_pixel = false;
  } else {
    a.half_pixel = choice<bool>(n.reader, "coordinate_transformation_mode", "half_pixel",
                                {{"half_pixel", true}, {"output_half_pixel", false}});
  }
  a.height = n.reader.integer("output_height", 1);
  a.width = n.reader.integer("output_width", 1);
  a.samples = n.reader.integer("sampling_ratio", 0);
  a.scale = n.reader.real("spatial_scale", 1);
  if (a.samples < 0 || a.samples > 4096) n.reader.refuse("sampling_ratio is out of range");
  if (!std::isfinite(a.scale)) n.reader.refuse("spatial_scale must be finite");
  emit(n, Op::kRoiAlign, a);
}

void non_max_suppression(NodeImport& n) {
  n.reader.refuse("the size of its result depends on the data; the device knows all sizes before");
}

}  // namespace

const OnnxImporters& resize_importers() {
  static const OnnxImporters table = {{"GridSample", grid_sample},
                                      {"NonMaxSuppression", non_max_suppression},
                                      {"Resize", resize},
                                      {"RoiAlign", roi_align},
                                      {"Upsample", old_upsample}};
  return table;
}

}  // namespace sz::compiler
