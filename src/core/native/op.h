// How a kernel of ours becomes an operation of TensorFlow, through its C interface. All tensors are float32.
#pragma once
#include <cstdint>
#include <string>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"

namespace zsaq {

constexpr int MOST = 8;  // inputs, outputs, attributes and axes

// What a kernel gets. The first input is a matrix: its last axis has `width` numbers, the others together `rows`.
// An output may be the memory of an input whose last reader this is, so a loop writes element i only after it has read element i.
struct Call {
  const float* in[MOST];
  float* out[MOST];
  int64_t rows, width;
  float attributes[MOST];
};

// `inputs` and `outputs`: one letter each for the shape, x that of the first input, r [rows, 1], c [width], s a scalar.
struct Operation {
  const char *name, *inputs, *outputs;
  const char* attributes[MOST];
  void (*compute)(const Call&);
};

template <const Operation& operation>
class Kernel {
 public:
  static bool Register() {
    TF_Status* status = TF_NewStatus();
    TF_OpDefinitionBuilder* builder = TF_NewOpDefinitionBuilder(operation.name);
    for (int i = 0; operation.inputs[i]; i++) TF_OpDefinitionBuilderAddInput(builder, ("i" + std::to_string(i) + ": float").c_str());
    for (int i = 0; operation.outputs[i]; i++) TF_OpDefinitionBuilderAddOutput(builder, ("o" + std::to_string(i) + ": float").c_str());
    for (int i = 0; operation.attributes[i]; i++) TF_OpDefinitionBuilderAddAttr(builder, (std::string(operation.attributes[i]) + ": float").c_str());
    TF_OpDefinitionBuilderSetShapeInferenceFunction(builder, &Shapes);
    TF_RegisterOpDefinition(builder, status);
    if (Sound(status)) TF_RegisterKernelBuilder(operation.name, TF_NewKernelBuilder(operation.name, "CPU", &Make, &Compute, &Delete), status);
    const bool registered = Sound(status);
    TF_DeleteStatus(status);
    return registered;
  }

 private:
  static bool Sound(const TF_Status* status) { return TF_GetCode(status) == TF_OK; }

  static void Shapes(TF_ShapeInferenceContext* context, TF_Status* status) {
    TF_ShapeInferenceContextSetUnknownShape(context, status);
    TF_ShapeHandle* shape = TF_NewShapeHandle();
    TF_ShapeInferenceContextGetInput(context, 0, shape, status);
    for (int i = 0; operation.outputs[i] && Sound(status); i++) {
      if (operation.outputs[i] == 'x') TF_ShapeInferenceContextSetOutput(context, i, shape, status);
    }
    TF_DeleteShapeHandle(shape);
  }

  static void* Make(TF_OpKernelConstruction* context) {
    auto* values = new float[MOST];
    TF_Status* status = TF_NewStatus();
    for (int i = 0; operation.attributes[i] && Sound(status); i++) TF_OpKernelConstruction_GetAttrFloat(context, operation.attributes[i], values + i, status);
    if (!Sound(status)) TF_OpKernelConstruction_Failure(context, status);
    TF_DeleteStatus(status);
    return values;
  }

  static void Delete(void* values) { delete[] static_cast<float*>(values); }

  static void Compute(void* values, TF_OpKernelContext* context) {
    TF_Status* status = TF_NewStatus();
    Tensors held;
    Call call;
    for (int i = 0; i < MOST; i++) call.attributes[i] = static_cast<float*>(values)[i];
    if (Measure(context, &call, &held, status) && Fetch(context, &call, &held, status) && call.rows * call.width > 0) operation.compute(call);
    if (!Sound(status)) TF_OpKernelContext_Failure(context, status);
    TF_DeleteStatus(status);
  }

  struct Tensors {
    TF_Tensor* list[2 * MOST];
    int count = 0;
    int64_t shape[MOST];
    int rank = 0;
    ~Tensors() { while (count) TF_DeleteTensor(list[--count]); }
  };

  static int64_t Size(char kind, const Call& call) { return kind == 'x' ? call.rows * call.width : kind == 'r' ? call.rows : kind == 'c' ? call.width : 1; }

  // Rows and width, and whether every input has as many numbers as its letter says.
  static bool Measure(TF_OpKernelContext* context, Call* call, Tensors* held, TF_Status* status) {
    for (int i = 0; operation.inputs[i]; i++) {
      TF_Tensor* tensor = nullptr;
      TF_GetInput(context, i, &tensor, status);
      if (!Sound(status)) return false;
      const int64_t size = TF_TensorElementCount(tensor);
      if (i == 0) {
        held->rank = TF_NumDims(tensor);
        if (held->rank > MOST) TF_SetStatus(status, TF_INVALID_ARGUMENT, (std::string(operation.name) + ": at most 8 axes").c_str());
        for (int d = 0; d < held->rank && d < MOST; d++) held->shape[d] = TF_Dim(tensor, d);
        call->width = held->rank > 0 && held->rank <= MOST ? held->shape[held->rank - 1] : 1;
        call->rows = call->width ? size / call->width : 0;
      } else if (size != Size(operation.inputs[i], *call)) {
        TF_SetStatus(status, TF_INVALID_ARGUMENT, (std::string(operation.name) + ": input " + std::to_string(i) + " does not fit the first one").c_str());
      }
      TF_DeleteTensor(tensor);
      if (!Sound(status)) return false;
    }
    return true;
  }

  // Outputs first: an input is handed over as an output's memory only while nobody holds it, and is then found there.
  static bool Fetch(TF_OpKernelContext* context, Call* call, Tensors* held, TF_Status* status) {
    bool given[MOST] = {};
    for (int i = 0; operation.outputs[i]; i++) {
      int candidates[MOST], count = 0, forwarded = -1;
      const int64_t column[] = {call->rows, 1};
      const bool whole = operation.outputs[i] == 'x';
      for (int k = 0; whole && operation.inputs[k]; k++) if (operation.inputs[k] == 'x' && !given[k]) candidates[count++] = k;
      TF_Tensor* tensor = count ? TF_ForwardInputOrAllocateOutput(context, candidates, count, i, held->shape, held->rank, &forwarded, status)
        : TF_AllocateOutput(context, i, TF_FLOAT, whole ? held->shape : column, whole ? held->rank : 2, 4 * Size(operation.outputs[i], *call), status);
      if (!Sound(status)) return false;
      held->list[held->count++] = tensor;
      call->out[i] = static_cast<float*>(TF_TensorData(tensor));
      if (forwarded >= 0) given[forwarded] = true, call->in[forwarded] = call->out[i];
    }
    for (int i = 0; operation.inputs[i]; i++) {
      if (given[i]) continue;
      TF_Tensor* tensor = nullptr;
      TF_GetInput(context, i, &tensor, status);
      if (!Sound(status)) return false;
      held->list[held->count++] = tensor;
      call->in[i] = static_cast<const float*>(TF_TensorData(tensor));
    }
    return true;
  }
};

}  // namespace zsaq
