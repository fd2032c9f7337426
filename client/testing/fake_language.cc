#include "client/testing/fake_language.h"

#include <algorithm>
#include <cstring>

#include "client/testing/test_package.h"
#include "engine/testing/plan_builder.h"

namespace sz::client::testing {
namespace {

class Memory final : public SharedBuffer {
 public:
  explicit Memory(std::size_t bytes) : bytes_(bytes) {}
  std::span<std::byte> bytes() override { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

template <typename Reply>
void put(Parameter& to, const Reply& reply) {
  std::memcpy(to.buffer->bytes().data(), &reply, sizeof(reply));
  to.size = sizeof(reply);
}

class FakeTransport final : public Transport {
 public:
  explicit FakeTransport(FakeScript* script) : script_(*script) {}
  Backend backend() const override { return Backend::kHost; }
  std::unique_ptr<SharedBuffer> allocate(std::size_t bytes) override {
    return std::make_unique<Memory>(bytes);
  }
  SecurePool pool() override { return {}; }
  std::string description() override { return "fake"; }

  CallResult invoke(std::uint32_t command, Parameters& p) override {
    p[3].a = p[3].b = 0;
    switch (command) {
      case SMARTZONE_CMD_INFO: {
        smartzone_info info{};
        info.protocol_version = SMARTZONE_PROTOCOL_VERSION;
        put(p[0], info);
        break;
      }
      case SMARTZONE_CMD_CORES: {
        smartzone_cores cores{};
        cores.usable = 1;
        put(p[0], cores);
        break;
      }
      case SMARTZONE_CMD_PROMPT:
        prompt(p);
        break;
      case SMARTZONE_CMD_NEXT:
        next(p);
        break;
      case SMARTZONE_CMD_SCORE:
        score(p);
        break;
      case SMARTZONE_CMD_SAVE:
        save(p);
        break;
      case SMARTZONE_CMD_RESUME: {
        const auto bytes = p[0].buffer->bytes().first(p[0].size);
        script_.resumed.emplace_back(bytes.begin(), bytes.end());
        p[2].a = static_cast<std::uint32_t>(script_.saved.size() - script_.resumed.size());
        break;
      }
      default:
        break;  // loading
    }
    return {};
  }

 private:
  void prompt(Parameters& p) {
    smartzone_prompt settings{};
    std::memcpy(&settings, p[1].buffer->bytes().data(), sizeof(settings));
    if (!script_.prompt_fails.ok()) {
      p[3].a = static_cast<std::uint32_t>(script_.prompt_fails.status);
      p[3].b = script_.prompt_fails.detail;
      script_.prompt_fails = {};
      return;
    }
    script_.settings.push_back(settings);
    script_.prompts.emplace_back(reinterpret_cast<const char*>(p[0].buffer->bytes().data()),
                                 p[0].size);
    if ((settings.flags & SMARTZONE_PROMPT_RESTART) != 0) {
      computed_ = 0;
      phase_ = Phase::kPrompt;
      waiting_ = script_.wants_bos ? 1 : 0;
    }
    const std::size_t unit = (settings.flags & SMARTZONE_PROMPT_TOKENS) != 0 ? 4 : 1;
    waiting_ += static_cast<std::uint32_t>(p[0].size / unit);
    if (waiting_ != 0) phase_ = Phase::kPrompt;
    written_ = 0;
    p[2].a = waiting_;
    p[2].b = computed_;
  }

  void next(Parameters& p) {
    script_.asked.push_back(p[2].a);
    smartzone_next reply{};
    std::string text;
    if (phase_ == Phase::kPrompt && waiting_ != 0) {
      const std::uint32_t now = std::min(waiting_, kFakeBatch);
      computed_ += now;
      waiting_ -= now;
      if (waiting_ == 0) phase_ = Phase::kAnswer;
      reply.progress = SMARTZONE_PROGRESS_PROMPT;
    } else if (phase_ == Phase::kPrompt) {
      reply.progress = SMARTZONE_PROGRESS_IDLE;
    } else {
      write(p[2].a, &reply, &text);
    }
    reply.position = computed_;
    reply.waiting = waiting_;
    std::memcpy(p[0].buffer->bytes().data(), text.data(), text.size());
    p[0].size = text.size();
    reply.text_bytes = static_cast<std::uint32_t>(text.size());
    if (script_.twist_next != nullptr) script_.twist_next(&reply, &p[0].size);
    put(p[1], reply);
  }

  void write(std::uint32_t most, smartzone_next* reply, std::string* text) {
    reply->progress = SMARTZONE_PROGRESS_TOKEN;
    while (reply->tokens < most) {
      if (written_ == script_.writes.size()) {
        reply->progress = SMARTZONE_PROGRESS_END_OF_TEXT;
        return;
      }
      if (computed_ + waiting_ == script_.context) {
        reply->progress = SMARTZONE_PROGRESS_CONTEXT_FULL;
        return;
      }
      *text += script_.writes[written_];
      reply->token[reply->tokens++] = static_cast<std::uint32_t>(written_++);
      computed_ += waiting_;
      waiting_ = 1;
    }
  }

  void score(Parameters& p) {
    smartzone_score reply{};
    reply.computed = std::min(waiting_, p[2].a);
    reply.judged = reply.computed - (computed_ == 0 ? 1 : 0);
    reply.nll = 0.5 * reply.judged;
    if (p[0].size != 0) {
      const std::size_t count = std::size_t{reply.computed} * kFakeVocabulary;
      std::vector<float> logits(count);
      for (std::size_t i = 0; i < count; ++i) {
        logits[i] = static_cast<float>(computed_ + i / kFakeVocabulary);
      }
      p[0].size = count * sizeof(float);
      std::memcpy(p[0].buffer->bytes().data(), logits.data(), p[0].size);
    }
    computed_ += reply.computed;
    waiting_ -= reply.computed;
    reply.position = computed_;
    reply.waiting = waiting_;
    put(p[1], reply);
  }

  void save(Parameters& p) {
    const std::vector<std::byte>& piece = script_.saved.at(p[1].a);
    std::copy(piece.begin(), piece.end(), p[0].buffer->bytes().begin());
    p[0].size = piece.size();
    p[2].a = static_cast<std::uint32_t>(script_.saved.size());
  }

  enum class Phase { kPrompt, kAnswer };

  FakeScript& script_;
  Phase phase_ = Phase::kPrompt;
  std::uint32_t computed_ = 0;
  std::uint32_t waiting_ = 0;
  std::size_t written_ = 0;  // tokens of this answer
};

}  // namespace

std::vector<std::byte> fake_language_package(std::uint32_t context,
                                             const std::string& language_json) {
  engine::testing::PlanBuilder builder;
  const auto x = builder.arena({1, kFakeVocabulary});
  builder.entry({x}, {x});
  package::LanguageRecord record{};
  record.vocabulary = kFakeVocabulary;
  record.context = context;
  record.batch = kFakeBatch;
  record.most_text_bytes = kFakeTextBytes;
  builder.tables.language.push_back(record);
  const engine::testing::TestPlan plan = builder.finish();
  const std::string usual = R"({"context":)" + std::to_string(context) +
                            R"(,"vocabulary":8,"batch":4,"cache":"f32","formats":{"F32":3}})";
  return package_of(plan.plan, plan.weights,
                    R"({"format":1,"name":"fake","inputs":[],"outputs":[],"language":)" +
                        (language_json.empty() ? usual : language_json) + "}");
}

std::unique_ptr<Transport> open_fake_language(FakeScript* script) {
  return std::make_unique<FakeTransport>(script);
}

}  // namespace sz::client::testing
