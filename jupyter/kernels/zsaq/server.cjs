'use strict';
// The messages that tslab's server does not know: comms, which carry ipywidgets, and outputs that are replaced in place.
// `globalThis[Symbol.for('zsaq.kernel')]` is what src/report/notebook.ts uses of them.
const { randomBytes } = require('node:crypto');
const util = require('node:util');

const KERNEL = Symbol.for('zsaq.kernel');

function createServer({ jupyter, handler, channel, cancel, connectionFile }) {
  const comms = new Map();
  let Message; // tslab keeps its message class to itself: taken from the first message

  class Server extends jupyter.ZmqServer {
    /** Sends a message on the output channel as a part of `request`. */
    publish(type, content, request = channel.current, metadata) {
      if (!request) return;
      const reply = request.createReply();
      reply.header.msg_type = type;
      reply.content = content;
      if (metadata) reply.metadata = metadata;
      reply.signAndSend(this.connInfo.key, this.iopub);
    }

    async handleExecute(socket, message) {
      handler.requests.push(message);
      return super.handleExecute(socket, message);
    }

    handleKernelInfo(socket, message) {
      Message ??= message.constructor;
      super.handleKernelInfo(socket, message);
    }

    handleCommInfoRequest(socket, message) {
      const reply = message.createReply();
      reply.header.msg_type = 'comm_info_reply';
      reply.content = { status: 'ok', comms: Object.fromEntries([...comms].map(([id, comm]) => [id, { target_name: comm.target }])) };
      reply.signAndSend(this.connInfo.key, socket);
    }

    async handleShellMessage(socket, ...frames) {
      const header = JSON.parse(frames[frames.findIndex((frame) => frame.toString() === '<IDS|MSG>') + 2].toString());
      if (header.msg_type === 'history_request') return undefined; // optional
      if (!Message || !/^comm_(msg|open|close)$/.test(header.msg_type)) return super.handleShellMessage(socket, ...frames);
      const message = Message.fromRaw(this.connInfo.key, frames);
      this.publishStatus('busy', message);
      try {
        await onComm(header.msg_type, message.content);
      } catch (error) { process.stderr.write(`${util.inspect(error)}\n`); } finally { this.publishStatus('idle', message); }
      return undefined;
    }
  }

  async function onComm(type, { comm_id: id, data }) {
    if (type === 'comm_msg') await comms.get(id)?.onMessage?.(data);
    if (type === 'comm_close') comms.delete(id);
  }

  const server = new Server(handler, connectionFile);

  globalThis[KERNEL] = {
    /** A job that no cell waits for: the stop button is for it from now on. */
    begin: () => cancel.begin(),
    /** Opens a comm and gives `{ id, send, close }`. */
    openComm(target, data, onMessage, metadata = {}) {
      const id = randomBytes(16).toString('hex');
      comms.set(id, { target, onMessage });
      server.publish('comm_open', { comm_id: id, target_name: target, data }, channel.current, metadata);
      return {
        id,
        send: (state) => server.publish('comm_msg', { comm_id: id, data: state }),
        close: () => { comms.delete(id); server.publish('comm_close', { comm_id: id, data: {} }); },
      };
    },
    /** Shows a mime bundle, or replaces the one shown under the same `id`. */
    display(data, id, update = false) {
      server.publish(update ? 'update_display_data' : 'display_data', { data, metadata: {}, transient: id ? { display_id: id } : {} });
    },
  };
  return server;
}

module.exports = { createServer, KERNEL };
