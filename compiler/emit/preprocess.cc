#include "compiler/emit/preprocess.h"

#include <cmath>
#include <initializer_list>
#include <set>
#include <utility>

#include "compiler/error.h"

namespace sz::compiler {
namespace {

using nlohmann::json;

constexpr std::int64_t kMostPixels = 65536;  // along one side

[[noreturn]] void refuse(const std::string& what) { throw CompileError("preprocessing: " + what); }

// An object with exactly these fields.
void expect_fields(const json& object, const std::string& where,
                   std::initializer_list<const char*> names) {
  if (!object.is_object()) refuse(where + " must be an object");
  const std::set<std::string> wanted(names.begin(), names.end());
  for (const auto& item : object.items()) {
    if (!wanted.contains(item.key())) refuse(where + " has the unknown field '" + item.key() + "'");
  }
  for (const std::string& name : wanted) {
    if (!object.contains(name)) refuse(where + " lacks the field '" + name + "'");
  }
}

std::int64_t pixels(const json& object, const std::string& where, const char* name) {
  const json& value = object.at(name);
  if (!value.is_number_integer() || value.get<double>() < 1 ||
      value.get<double>() > static_cast<double>(kMostPixels)) {
    refuse(where + "." + name + " must be an integer from 1 to " + std::to_string(kMostPixels));
  }
  return value.get<std::int64_t>();
}

void check_channel_list(const json& object, const char* name, std::int64_t channels) {
  const json& list = object.at(name);
  if (!list.is_array() || list.size() != static_cast<std::size_t>(channels)) {
    refuse(std::string(name) + " must be a list of " + std::to_string(channels) +
           " numbers, one for each channel");
  }
  for (const json& value : list) {
    if (!value.is_number() || !std::isfinite(static_cast<float>(value.get<double>()))) {
      refuse(std::string(name) + " has an element that is no number in the range of f32");
    }
  }
}

}  // namespace

json check_preprocess(const std::string& text, const Shape& input) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded()) refuse("is not JSON");
  expect_fields(object, "it", {"version", "color", "resize", "crop", "mean", "scale"});
  if (object.at("version") != 1) refuse("version must be 1");
  if (input.size() != 4 || input[0] != 1) {
    refuse("the network's input is " + to_string(input) +
           ", not one image [1, C, H, W] or [1, H, W, C]");
  }
  const json& color = object.at("color");
  if (color != "GRAY" && color != "RGB" && color != "BGR") refuse("color must be GRAY, RGB or BGR");
  const std::int64_t channels = color == "GRAY" ? 1 : 3;
  // Where both orders would do, channels come first.
  const bool last = channels != input[1] && channels == input[3];
  if (channels != input[1] && !last) {
    refuse("color " + color.get<std::string>() + " has " + std::to_string(channels) +
           " channels, the network's input has " + std::to_string(input[1]));
  }
  const std::int64_t rows = input[last ? 1 : 2];
  const std::int64_t columns = input[last ? 2 : 3];
  const auto expect_size = [&](const std::string& where, std::int64_t height, std::int64_t width) {
    if (height == rows && width == columns) return;
    refuse(where + " gives " + std::to_string(height) + "x" + std::to_string(width) +
           " pixels, the network takes " + std::to_string(rows) + "x" + std::to_string(columns));
  };
  const json& resize = object.at("resize");
  const json& crop = object.at("crop");
  std::pair<std::int64_t, std::int64_t> resized = {0, 0};
  if (resize.is_object() && resize.contains("shorter_side")) {
    expect_fields(resize, "resize", {"shorter_side"});
    const std::int64_t side = pixels(resize, "resize", "shorter_side");
    resized = {side, side};
  } else if (!resize.is_null()) {
    expect_fields(resize, "resize", {"height", "width"});
    resized = {pixels(resize, "resize", "height"), pixels(resize, "resize", "width")};
    if (crop.is_null()) expect_size("resize", resized.first, resized.second);
  }
  if (!crop.is_null()) {
    expect_fields(crop, "crop", {"height", "width"});
    const std::int64_t height = pixels(crop, "crop", "height");
    const std::int64_t width = pixels(crop, "crop", "width");
    expect_size("crop", height, width);
    if (!resize.is_null() && (height > resized.first || width > resized.second)) {
      refuse("crop is larger than what resize makes");
    }
  }
  check_channel_list(object, "mean", channels);
  check_channel_list(object, "scale", channels);
  return object;
}

}  // namespace sz::compiler
