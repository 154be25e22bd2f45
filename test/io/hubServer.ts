import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A file of the pretended hub; `large` ones are announced by their SHA-256 and served by another host, as on the hub. */
export interface HubFile { content: Buffer; large?: boolean }

/** What goes wrong with one request; it is used up by it. */
export type Mishap =
  | { kind: 'status'; status: number; headers?: Record<string, string> }
  | { kind: 'drop'; after: number } // closes the connection after so many bytes of the body
  | { kind: 'garble' } // changes the first byte sent
  | { kind: 'ignoreRange' } | { kind: 'stall' } | { kind: 'chunked' };

export interface Seen { host: 'hub' | 'storage'; method: string; path: string; range?: string; authorization?: string }

export const COMMIT = 'a'.repeat(39) + '1';

/** A small server that speaks the hub's protocol (`/NAME/resolve/REVISION/FILE`), with mishaps on demand. */
export class HubServer {
  readonly seen: Seen[] = [];
  readonly mishaps = new Map<string, Mishap[]>();
  repositories: Record<string, { files: Record<string, HubFile>; commit?: string; branch?: string; token?: string; gated?: boolean }> = {};
  private hub!: Server;
  private storage!: Server;
  endpoint = '';

  async start(): Promise<void> {
    this.hub = createServer((request, response) => this.answerHub(request, response));
    this.storage = createServer((request, response) => this.answerStorage(request, response));
    for (const server of [this.hub, this.storage]) await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    this.endpoint = `http://127.0.0.1:${(this.hub.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const server of [this.hub, this.storage]) {
      if (!server.listening) continue;
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  }

  /** The next `mishaps.length` requests of this method for this file go wrong. */
  plan(method: 'HEAD' | 'GET', file: string, ...mishaps: Mishap[]): void {
    this.mishaps.set(`${method} ${file}`, mishaps);
  }

  private next(method: string, file: string): Mishap | undefined {
    return this.mishaps.get(`${method} ${file}`)?.shift();
  }

  private note(host: Seen['host'], { method = '', url = '', headers }: IncomingMessage): void {
    this.seen.push({ host, method, path: url, range: headers.range, authorization: headers.authorization });
  }

  private answerHub(request: IncomingMessage, response: ServerResponse): void {
    this.note('hub', request);
    const fail = (status: number, code?: string): void => { response.writeHead(status, code ? { 'X-Error-Code': code } : {}).end(); };
    const match = /^\/(?:datasets\/)?(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(decodeURI(request.url ?? ''));
    const moved = match && /^old-(.+)$/.exec(match[1]);
    if (moved) return void response.writeHead(307, { Location: `/${moved[1]}/resolve/${match[2]}/${match[3]}` }).end();
    const repository = match && this.repositories[match[1]];
    if (!match || !repository) return fail(401, 'RepoNotFound');
    if (repository.gated) return fail(403, 'GatedRepo');
    if (repository.token && request.headers.authorization !== `Bearer ${repository.token}`) return fail(401, 'RepoNotFound');
    const commit = repository.commit ?? COMMIT;
    if (![repository.branch ?? 'main', commit].includes(decodeURIComponent(match[2]))) return fail(404, 'RevisionNotFound');
    const file = repository.files[match[3]];
    const mishap = this.next(request.method!, match[3]);
    if (mishap?.kind === 'status') return void response.writeHead(mishap.status, mishap.headers).end();
    if (mishap?.kind === 'stall' && request.method === 'HEAD') return;
    if (!file) return void response.writeHead(404, { 'X-Error-Code': 'EntryNotFound', 'X-Repo-Commit': commit }).end();
    response.setHeader('X-Repo-Commit', commit);
    if (!file.large) {
      response.setHeader('ETag', `"${createHash('sha1').update(`blob ${file.content.length}\0`).update(file.content).digest('hex')}"`);
      return this.send(request, response, file.content, mishap);
    }
    response.setHeader('X-Linked-Etag', `"${createHash('sha256').update(file.content).digest('hex')}"`);
    response.setHeader('X-Linked-Size', file.content.length);
    const port = (this.storage.address() as AddressInfo).port;
    if (mishap) this.mishaps.set(`storage ${match[3]}`, [mishap]);
    response.writeHead(302, { Location: `http://localhost:${port}/${match[1]}/${match[3]}?signed` }).end();
  }

  private answerStorage(request: IncomingMessage, response: ServerResponse): void {
    this.note('storage', request);
    const path = decodeURI(request.url ?? '').replace('?signed', '');
    for (const [name, { files }] of Object.entries(this.repositories)) {
      const file = path.startsWith(`/${name}/`) ? files[path.slice(name.length + 2)] : undefined;
      if (file) return this.send(request, response, file.content, this.next('storage', path.slice(name.length + 2)));
    }
    response.writeHead(404).end();
  }

  private send(request: IncomingMessage, response: ServerResponse, content: Buffer, mishap?: Mishap): void {
    const from = mishap?.kind === 'ignoreRange' ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (from >= content.length && from > 0) return void response.writeHead(416).end();
    const body = Buffer.from(content.subarray(from));
    if (from) response.setHeader('Content-Range', `bytes ${from}-${content.length - 1}/${content.length}`);
    if (mishap?.kind !== 'chunked') response.setHeader('Content-Length', body.length);
    response.writeHead(from ? 206 : 200);
    if (request.method === 'HEAD') return void response.end();
    if (mishap?.kind === 'garble') body[0] ^= 1;
    if (mishap?.kind === 'drop' || mishap?.kind === 'stall') {
      response.write(body.subarray(0, mishap.kind === 'drop' ? mishap.after : 10), () => {
        if (mishap.kind === 'drop') setTimeout(() => response.destroy(), 10);
      });
      return;
    }
    response.end(body);
  }
}
