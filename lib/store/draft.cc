// Draft: collects, checks names and shapes, and keeps the first error.
#include "cairn/draft.h"

#include <utility>

#include "base/text.h"

namespace cairn {

namespace {

// The value of a label in a list, changed where it is there already.
template <class List, class T>
void set_label(List& list, std::string_view name, T value) {
  for (auto& [known, old] : list) {
    if (known == name) {
      old = std::move(value);
      return;
    }
  }
  list.emplace_back(std::string(name), std::move(value));
}

Result<void> check_label(std::string_view what, std::string_view name, std::size_t count) {
  if (count >= kMaxLabels) {
    return fail(Code::LimitExceeded, "more than " + std::to_string(kMaxLabels) + " " +
                                         std::string(what) + "s in one artifact");
  }
  return check_item_name(what, name, kMaxLabelBytes);
}

Result<void> check_items(const Draft::Parts& parts) {
  if (parts.tensors.size() + parts.files.size() >= kMaxItems) {
    return fail(Code::LimitExceeded,
                "more than " + std::to_string(kMaxItems) + " tensors and files in one artifact");
  }
  return {};
}

// Whether a tensor may be added: its name, and what it says of itself. How many bytes it has.
Result<std::uint64_t> check_tensor(const Draft::Parts& parts, std::string_view name,
                                   const TensorView& view) {
  if (auto valid = check_item_name("tensor", name, kMaxItemNameBytes); !valid) {
    return fail(std::move(valid.error()));
  }
  if (auto room = check_items(parts); !room) {
    return fail(std::move(room.error()));
  }
  if (view.layout != Layout::C && view.layout != Layout::Fortran) {
    return fail(Code::InvalidArgument, "tensor " + quoted(name) + ": unknown layout " +
                                           std::to_string(static_cast<int>(view.layout)));
  }
  auto bytes = shape_bytes(view.dtype, view.shape);
  if (!bytes) {
    return fail("tensor " + quoted(name), std::move(bytes.error()));
  }
  return bytes;
}

Error no_callback(std::string_view what, std::string_view name) {
  return {Code::InvalidArgument,
          std::string(what) + " " + quoted(name) + ": its source has no callback"};
}

}  // namespace

Draft& Draft::fail(Error error) {
  if (!error_) {
    error_ = std::move(error);
  }
  return *this;
}

Draft& Draft::add_view(std::string_view name, TensorView view, std::shared_ptr<const void> owner,
                       const Shape* shape) {
  if (shape != nullptr && view.layout == Layout::Fortran && view.shape.size() > 1) {
    return fail({Code::InvalidArgument, "tensor " + quoted(name) +
                                            ": a shape is for elements in C order, these are in "
                                            "Fortran order (column-major)"});
  }
  if (shape != nullptr) {
    view.shape = *shape;
    view.layout = Layout::C;
  }
  auto bytes = check_tensor(parts_, name, view);
  if (!bytes) {
    return fail(std::move(bytes.error()));
  }
  if (*bytes != view.bytes.size()) {
    return fail({Code::InvalidArgument,
                 "tensor " + quoted(name) + ": shape " + to_string(view.shape) + " of " +
                     std::string(to_string(view.dtype)) + " is " + std::to_string(*bytes) +
                     " bytes, but " + std::to_string(view.bytes.size()) + " are given"});
  }
  parts_.tensors.push_back({std::string(name), std::move(view), std::move(owner), std::nullopt});
  return *this;
}

Draft& Draft::tensor(std::string_view name, TensorSource source) {
  TensorView view{source.dtype, std::move(source.shape), source.layout, {}};
  if (auto bytes = check_tensor(parts_, name, view); !bytes) {
    return fail(std::move(bytes.error()));
  }
  if (const auto* callback = std::get_if<ReadCallback>(&source.bytes);
      callback != nullptr && !callback->read) {
    return fail(no_callback("tensor", name));
  }
  parts_.tensors.push_back({std::string(name), std::move(view), nullptr, std::move(source.bytes)});
  return *this;
}

void Draft::add_file(std::string_view name, decltype(FilePart::source) source) {
  auto valid = check_item_name("file", name, kMaxItemNameBytes);
  if (valid) {
    valid = check_items(parts_);
  }
  if (!valid) {
    fail(std::move(valid.error()));
    return;
  }
  parts_.files.push_back({std::string(name), std::move(source)});
}

Draft& Draft::file(std::string_view name, const std::filesystem::path& path) {
  add_file(name, path);
  return *this;
}

Draft& Draft::file(std::string_view name, std::vector<std::byte> bytes) {
  add_file(name, std::move(bytes));
  return *this;
}

Draft& Draft::file(std::string_view name, FileSource source) {
  if (!source.bytes.read) {
    return fail(no_callback("file", name));
  }
  add_file(name, std::move(source));
  return *this;
}

Draft& Draft::config(Value value) {
  if (auto valid = check_value(value); !valid) {
    return fail({valid.error().code, "config: " + valid.error().message});
  }
  parts_.config = std::move(value);
  return *this;
}

Draft& Draft::config(ConfigTable table) {
  parts_.config = std::move(table);
  return *this;
}

Draft& Draft::metric(std::string_view name, double value) {
  if (auto valid = check_label("metric", name, parts_.metrics.size()); !valid) {
    return fail(std::move(valid.error()));
  }
  set_label(parts_.metrics, name, value);
  return *this;
}

Draft& Draft::tag(std::string_view name, std::string_view value) {
  if (auto valid = check_label("tag", name, parts_.tags.size()); !valid) {
    return fail(std::move(valid.error()));
  }
  if (value.size() > kMaxTagValueBytes || !is_utf8(value)) {
    return fail(
        {Code::InvalidArgument, "tag " + quoted(name) + ": a value is at most " +
                                    std::to_string(kMaxTagValueBytes) + " bytes of UTF-8, found " +
                                    std::to_string(value.size()) + " bytes: " + quoted(value)});
  }
  set_label(parts_.tags, name, std::string(value));
  return *this;
}

Draft& Draft::field(std::string_view name, Value value) {
  if (auto valid = check_label("field", name, parts_.fields.size()); !valid) {
    return fail(std::move(valid.error()));
  }
  if (auto valid = check_value(value); !valid) {
    return fail({valid.error().code, "field " + quoted(name) + ": " + valid.error().message});
  }
  set_label(parts_.fields, name, std::move(value));
  return *this;
}

Draft& Draft::parent(const Key& key) {
  if (auto valid = check_name(key.name); !valid) {
    return fail({valid.error().code, "parent: " + valid.error().message});
  }
  parts_.parent = key;
  return *this;
}

Draft& Draft::producer(std::string_view text) {
  if (text.size() > kMaxProducerBytes || !is_utf8(text)) {
    return fail({Code::InvalidArgument, "producer: at most " + std::to_string(kMaxProducerBytes) +
                                            " bytes of UTF-8, found " + quoted(text)});
  }
  parts_.producer = text;
  return *this;
}

Draft& Draft::created_at(Time time) {
  parts_.created_at = time;
  return *this;
}

}  // namespace cairn
