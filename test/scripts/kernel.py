"""kernel.py CELLS: runs cells in the project's kernel and prints what each showed, as JSON.

CELLS is a JSON list of { source, stopAfter? }: stopAfter lists the seconds after which the stop button is pressed."""
import json
import os
import sys
import threading

from jupyter_client.manager import start_new_kernel


def run(client, manager, cell):
    shown = []
    for seconds in cell.get('stopAfter', []):
        threading.Timer(seconds, manager.interrupt_kernel).start()

    def output(message):
        kind, content = message['header']['msg_type'], message['content']
        if kind == 'stream':
            shown.append({'stream': content['name'], 'text': content['text']})
        elif kind in ('execute_result', 'display_data', 'update_display_data'):
            shown.append({kind: content['data']})
        elif kind == 'error':
            shown.append({'error': content['ename'], 'message': content['evalue'], 'traceback': content['traceback']})

    reply = client.execute_interactive(cell['source'], timeout=60, output_hook=output, stop_on_error=False)
    return {'status': reply['content']['status'], 'shown': shown}


manager, client = start_new_kernel(kernel_name='zsaq', cwd=os.getcwd(), startup_timeout=60)
try:
    print(json.dumps([run(client, manager, cell) for cell in json.loads(sys.argv[1])]))
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
