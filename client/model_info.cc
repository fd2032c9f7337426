#include "client/model_info.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/checked.h"
#include "package/plan_format.h"

namespace sz::client {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kFormat = 1;
constexpr std::size_t kMaxTensorsOfKind = package::kMaxOperandsPerStep;
constexpr std::size_t kMaxRankOfShape = 6;
constexpr std::size_t kMaxLabels = 1u << 20;
constexpr std::size_t kMaxFormats = 64;
constexpr std::uint32_t kMaxImageSide = 1u << 14;

// What errors name: the file and the member, e.g. "digits.szp: inputs[0].shape".
struct Place {
  std::string file;
  std::string member;

  Place at(const std::string& name) const {
    return {file, member.empty() ? name : member + "." + name};
  }
  Place at(std::size_t index) const { return {file, member + "[" + std::to_string(index) + "]"}; }

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(file + ": " + (member.empty() ? "the information section" : member) + " " + what);
  }
};

const Json& member_of(const Json& object, const char* name, const Place& place) {
  if (!object.is_object()) place.refuse("is not a JSON object");
  const auto found = object.find(name);
  if (found == object.end()) place.at(name).refuse("is missing");
  return *found;
}

std::string text_of(const Json& value, const Place& place) {
  if (!value.is_string()) place.refuse("is not a text");
  return value.get<std::string>();
}

std::int64_t integer_of(const Json& value, std::int64_t low, std::int64_t high,
                        const Place& place) {
  if (!value.is_number_integer() ||
      (value.is_number_unsigned() &&
       value.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) ||
      value.get<std::int64_t>() < low || value.get<std::int64_t>() > high) {
    place.refuse("is not an integer from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return value.get<std::int64_t>();
}

ElementType type_of(const Json& value, const Place& place) {
  const std::string name = text_of(value, place);
  for (const ElementType type : {ElementType::kF32, ElementType::kI8, ElementType::kU8,
                                 ElementType::kI32, ElementType::kI64, ElementType::kBool}) {
    if (name == element_type_name(type)) return type;
  }
  place.refuse("is '" + name + "', which is no element type");
}

TensorInfo tensor_of(const Json& value, const Place& place) {
  TensorInfo info;
  info.name = text_of(member_of(value, "name", place), place.at("name"));
  info.type = type_of(member_of(value, "dtype", place), place.at("dtype"));
  const Json& shape = member_of(value, "shape", place);
  const Place shape_place = place.at("shape");
  if (!shape.is_array() || shape.size() > kMaxRankOfShape) {
    shape_place.refuse("is not a list of at most 6 dimensions");
  }
  std::uint64_t bytes = element_bytes(info.type);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t dim =
        integer_of(shape[i], 1, std::numeric_limits<std::int32_t>::max(), shape_place.at(i));
    if (!checked_mul(bytes, static_cast<std::uint64_t>(dim), &bytes) ||
        bytes > package::kMaxRegionBytes) {
      shape_place.refuse("is larger than any model that fits (1 GiB)");
    }
    info.shape.push_back(dim);
  }
  return info;
}

// A network may have no inputs (its results are known when it is compiled), but has outputs.
std::vector<TensorInfo> tensors_of(const Json& object, const char* name, std::size_t least,
                                   const Place& place) {
  const Json& list = member_of(object, name, place);
  const Place list_place = place.at(name);
  if (!list.is_array() || list.size() < least || list.size() > kMaxTensorsOfKind) {
    list_place.refuse("is not a list of " + std::to_string(least) + " to " +
                      std::to_string(kMaxTensorsOfKind) + " tensors");
  }
  std::vector<TensorInfo> tensors;
  for (std::size_t i = 0; i < list.size(); ++i) {
    tensors.push_back(tensor_of(list[i], list_place.at(i)));
  }
  return tensors;
}

std::vector<std::string> labels_of(const Json& object, const Place& place) {
  const auto found = object.find("labels");
  if (found == object.end() || found->is_null()) return {};
  const Place list_place = place.at("labels");
  if (!found->is_array() || found->size() > kMaxLabels) {
    list_place.refuse("is not a list of at most " + std::to_string(kMaxLabels) + " texts");
  }
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < found->size(); ++i) {
    labels.push_back(text_of((*found)[i], list_place.at(i)));
  }
  return labels;
}

std::uint32_t side_of(const Json& object, const char* name, const Place& place) {
  return static_cast<std::uint32_t>(
      integer_of(member_of(object, name, place), 1, kMaxImageSide, place.at(name)));
}

std::vector<float> floats_of(const Json& object, const char* name, std::size_t count,
                             const Place& place) {
  const Json& list = member_of(object, name, place);
  const Place list_place = place.at(name);
  if (!list.is_array() || list.size() != count) {
    list_place.refuse("is not a list of " + std::to_string(count) + " numbers (one per channel)");
  }
  std::vector<float> numbers;
  for (std::size_t i = 0; i < count; ++i) {
    if (!list[i].is_number()) list_place.at(i).refuse("is not a number");
    const double number = list[i].get<double>();
    if (!std::isfinite(number) || std::fabs(number) > std::numeric_limits<float>::max()) {
      list_place.at(i).refuse("is out of range");
    }
    numbers.push_back(static_cast<float>(number));
  }
  return numbers;
}

Preprocess::Color color_of(const Json& value, const Place& place) {
  const std::string name = text_of(value, place);
  if (name == "GRAY") return Preprocess::Color::kGray;
  if (name == "RGB") return Preprocess::Color::kRgb;
  if (name == "BGR") return Preprocess::Color::kBgr;
  place.refuse("is '" + name + "'; it must be GRAY, RGB or BGR");
}

Preprocess preprocess_of(const Json& object, const Place& place) {
  Preprocess p;
  integer_of(member_of(object, "version", place), 1, 1, place.at("version"));
  p.color = color_of(member_of(object, "color", place), place.at("color"));
  if (const Json& resize = member_of(object, "resize", place); !resize.is_null()) {
    const Place resize_place = place.at("resize");
    if (resize.is_object() && resize.contains("shorter_side")) {
      p.resize_shorter_side = side_of(resize, "shorter_side", resize_place);
    } else {
      p.resize_height = side_of(resize, "height", resize_place);
      p.resize_width = side_of(resize, "width", resize_place);
    }
  }
  if (const Json& crop = member_of(object, "crop", place); !crop.is_null()) {
    p.crop_height = side_of(crop, "height", place.at("crop"));
    p.crop_width = side_of(crop, "width", place.at("crop"));
  }
  const std::size_t channels = p.color == Preprocess::Color::kGray ? 1 : 3;
  p.mean = floats_of(object, "mean", channels, place);
  p.scale = floats_of(object, "scale", channels, place);
  return p;
}

std::map<std::string, std::uint64_t> formats_of(const Json& object, const Place& place) {
  const Json& formats = member_of(object, "formats", place);
  const Place formats_place = place.at("formats");
  if (!formats.is_object() || formats.size() > kMaxFormats) {
    formats_place.refuse("is not an object of at most " + std::to_string(kMaxFormats) + " numbers");
  }
  std::map<std::string, std::uint64_t> counts;
  for (const auto& [name, count] : formats.items()) {
    counts[name] = static_cast<std::uint64_t>(
        integer_of(count, 0, std::numeric_limits<std::int32_t>::max(), formats_place.at(name)));
  }
  return counts;
}

LanguageInfo language_of(const Json& object, const Place& place) {
  const auto number = [&](const char* name) {
    return static_cast<std::uint32_t>(integer_of(member_of(object, name, place), 1,
                                                 std::numeric_limits<std::int32_t>::max(),
                                                 place.at(name)));
  };
  LanguageInfo language;
  language.context = number("context");
  language.vocabulary = number("vocabulary");
  language.batch = number("batch");
  language.cache = text_of(member_of(object, "cache", place), place.at("cache"));
  language.formats = formats_of(object, place);
  const auto chat = object.find("chat_template");
  if (chat != object.end() && !chat->is_null()) {
    language.chat_template = text_of(*chat, place.at("chat_template"));
  }
  return language;
}

Json parse_json(std::string_view json, const Place& place) {
  // The depth is bounded by hand: the parser's recursion is not, and a package is not trusted.
  constexpr int kMaxDepth = 64;
  const Json value = Json::parse(
      json,
      [&](int depth, Json::parse_event_t, Json&) {
        if (depth > kMaxDepth) place.refuse("is nested too deeply");
        return true;
      },
      false);
  if (value.is_discarded()) place.refuse("is not valid JSON");
  if (!value.is_object()) place.refuse("is not a JSON object");
  return value;
}

}  // namespace

ModelInfo parse_model_info(std::string_view json, const std::string& where) {
  const Place place{where, ""};
  const Json object = parse_json(json, place);
  ModelInfo info;
  integer_of(member_of(object, "format", place), kFormat, kFormat, place.at("format"));
  info.name = text_of(member_of(object, "name", place), place.at("name"));
  const auto language = object.find("language");
  if (language != object.end() && !language->is_null()) {
    info.language = language_of(*language, place.at("language"));
  }
  info.inputs = tensors_of(object, "inputs", 0, place);
  info.outputs = tensors_of(object, "outputs", info.language ? 0 : 1, place);
  if (info.language && !(info.inputs.empty() && info.outputs.empty())) {
    place.at("language").refuse("is there, but so are inputs or outputs");
  }
  info.labels = labels_of(object, place);
  const auto preprocess = object.find("preprocess");
  if (preprocess != object.end() && !preprocess->is_null()) {
    info.preprocess = preprocess_of(*preprocess, place.at("preprocess"));
  }
  return info;
}

Preprocess parse_preprocess(std::string_view json, const std::string& where) {
  const Place place{where, ""};
  return preprocess_of(parse_json(json, {where, "the preprocessing"}), place);
}

}  // namespace sz::client
