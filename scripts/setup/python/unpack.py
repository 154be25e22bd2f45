"""unpack.py WHEELS FOLDER INPUTS: the libraries and headers out of the wheels, and a stamp with the size of each library.

Prints the share done, a number a line. Files are on the disk before the stamp is written."""
import glob
import json
import os
import shutil
import sys
import zipfile

LIBRARIES = ('tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2')
HEADERS = ('tensorflow/include/tensorflow/c/', 'tensorflow/include/tensorflow/core/platform/',
           'tensorflow/include/tsl/platform/', 'tensorflow/include/xla/tsl/c/')


def wanted(name):
    if name.startswith('nvidia/'):
        return not name.endswith('/') and '/include/' not in name and not name.endswith('.a')
    return name in LIBRARIES or (name.startswith(HEADERS) and not name.endswith('/'))


def main(wheels, folder, inputs):
    archives = [zipfile.ZipFile(file) for file in sorted(glob.glob(os.path.join(wheels, '*.whl')))]
    members = [(archive, item) for archive in archives for item in archive.infolist() if wanted(item.filename)]
    missing = [name for name in LIBRARIES if name not in {item.filename for _, item in members}]
    if missing:
        sys.exit('error: not in the wheel: ' + ', '.join(missing))
    total, done, shown, sizes = sum(item.file_size for _, item in members), 0, -1.0, {}
    for archive, item in members:
        target = os.path.join(folder, item.filename)
        if not os.path.realpath(target).startswith(os.path.realpath(folder) + os.sep):
            sys.exit('error: a wheel names a file outside its folder: ' + item.filename)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with archive.open(item) as source, open(target, 'wb') as sink:
            while chunk := source.read(1 << 22):
                sink.write(chunk)
                done += len(chunk)
                if done / total - shown >= 0.01:
                    shown = done / total
                    print(round(shown, 3), flush=True)
            sink.flush()
            if item.file_size > 1 << 20:
                os.fsync(sink.fileno())
        if '/bin/' in item.filename:
            os.chmod(target, 0o755)
        sizes[item.filename] = item.file_size
    for archive in archives:
        archive.close()
    shutil.rmtree(wheels)
    with open(os.path.join(folder, 'zsaq.json'), 'w') as sink:
        json.dump({'inputs': inputs, 'sizes': sizes}, sink)
        sink.flush()
        os.fsync(sink.fileno())


main(*sys.argv[1:4])
