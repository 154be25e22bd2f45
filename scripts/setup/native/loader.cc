// What Node loads as tfjs_binding.node. It opens the binding proper (tensorflow.so beside it) and hands over to it.
// TensorFlow writes notes on oneDNN and, without a GPU, on CUDA to standard error while its libraries are loaded, before any
// setting of its own is read; they are dropped here, unless TF_CPP_MIN_LOG_LEVEL asks for them with a level below 3.
#include <dlfcn.h>
#include <fcntl.h>
#include <node_api.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>

namespace {

std::string beside(const char* name) {
  Dl_info self;
  if (dladdr(reinterpret_cast<void*>(&beside), &self) == 0) return name;
  std::string path(self.dli_fname);
  return path.substr(0, path.rfind('/') + 1) + name;
}

void* open_quietly(const std::string& file, bool quiet) {
  int kept = quiet ? dup(2) : -1;
  int nowhere = kept >= 0 ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
  if (nowhere >= 0) dup2(nowhere, 2);
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (nowhere >= 0) {
    dup2(kept, 2);
    close(nowhere);
  }
  if (kept >= 0) close(kept);
  return library;
}

}  // namespace

NAPI_MODULE_INIT() {
  setenv("TF_CPP_MIN_LOG_LEVEL", "3", 0);
  const bool quiet = atoi(getenv("TF_CPP_MIN_LOG_LEVEL")) >= 3;
  void* library = open_quietly(beside("tensorflow.so"), quiet);
  if (library == nullptr) {
    napi_throw_error(env, nullptr, dlerror());
    return nullptr;
  }
  using Init = napi_value (*)(napi_env, napi_value);
  Init init = reinterpret_cast<Init>(dlsym(library, "napi_register_module_v1"));
  if (init == nullptr) {
    napi_throw_error(env, nullptr, dlerror());
    return nullptr;
  }
  return init(env, exports);
}
