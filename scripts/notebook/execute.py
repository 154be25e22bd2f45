"""execute.py run|test NOTEBOOK...: executes notebooks with the kernel that each names.

run   saves the outputs in place (the notebook is replaced whole, also when a cell failed)
test  executes a copy; prints the cell and its error, and exits with 1, if any cell failed"""
import os
import re
import sys
import tempfile
import time

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

CELL_SECONDS = int(os.environ.get('ZSAQ_CELL_SECONDS', '1800'))


def settle(notebook):
    """Carriage-return progress becomes its last line, so that a saved notebook shows what a reader saw at the end."""
    for cell in notebook.cells:
        for output in cell.get('outputs', []):
            if output.output_type == 'stream':
                output.text = re.sub(r'[^\n]*\r(?!\n)', '', output.text)


def first_error(notebook):
    for number, cell in enumerate(notebook.cells, 1):
        for output in cell.get('outputs', []):
            if output.output_type == 'error':
                return number, cell.source, '\n'.join(output.traceback) or f'{output.ename}: {output.evalue}'
    return None


def save(notebook, path):
    folder = os.path.dirname(os.path.abspath(path))
    descriptor, part = tempfile.mkstemp(dir=folder, prefix='.', suffix='.part')
    with os.fdopen(descriptor, 'w', encoding='utf-8') as sink:
        nbformat.write(notebook, sink)
        sink.flush()
        os.fsync(sink.fileno())
    os.chmod(part, os.stat(path).st_mode & 0o777)
    os.replace(part, path)


def execute(path, keep):
    started = time.time()
    notebook = nbformat.read(path, as_version=4)
    folder = os.path.dirname(os.path.abspath(path))
    problem = None
    try:
        NotebookClient(notebook, timeout=CELL_SECONDS, coalesce_streams=True, record_timing=False, resources={'metadata': {'path': folder}}).execute()
    except CellExecutionError:
        pass  # found below, with its cell
    except NoSuchKernel as error:
        problem = f'the notebook asks for the kernel {error.name}, and this project has zsaq'
    except CellTimeoutError:
        problem = f'a cell took more than {CELL_SECONDS} s (ZSAQ_CELL_SECONDS allows more)'
    except DeadKernelError:
        problem = 'the kernel died'
    settle(notebook)
    if keep:
        save(notebook, path)
    error = first_error(notebook)
    if error:
        number, source, text = error
        print(f'{path}: FAILED in cell {number}\n' + '\n'.join('    ' + line for line in source.splitlines()) + '\n' + text, file=sys.stderr, flush=True)
    elif problem:
        print(f'{path}: FAILED: {problem}', file=sys.stderr, flush=True)
    else:
        print(f'{path}: ok ({time.time() - started:.1f} s)', flush=True)
    return not error and not problem


if __name__ == '__main__':
    mode, notebooks = sys.argv[1], sys.argv[2:]
    missing = [path for path in notebooks if not os.path.isfile(path)]
    if missing:
        sys.exit(f'no such notebook: {missing[0]}')
    results = [execute(path, mode == 'run') for path in notebooks]
    sys.exit(0 if all(results) else 1)
