"""Checks an ONNX export with onnx.checker and runs it in Python's onnxruntime."""
import numpy
import onnx
import onnxruntime

from common import REQUEST, serve

PATH = f"{REQUEST['dir']}/{REQUEST['model']}"


def load():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = REQUEST.get("threads", 1)
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(PATH, options, providers=["CPUExecutionProvider"])
    inputs, output = session.get_inputs(), session.get_outputs()[0].name
    names = [o.name for o in session.get_outputs()]
    output = "logits" if "logits" in names else output

    def run(ids, mask, types):
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        feeds = {i.name: given.get(i.name, numpy.zeros((len(ids), i.shape[1], 0, i.shape[3]), numpy.float32) if i.name.startswith("past") else None) for i in inputs}
        return session.run([output], feeds)[0]

    return run


if not REQUEST.get("lengths"):  # a timing is no check
    onnx.checker.check_model(PATH, full_check=False)
serve("onnxruntime (Python)", onnxruntime.__version__, load)
