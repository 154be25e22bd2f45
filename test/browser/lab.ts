// JupyterLab of this project in a real browser, as `npm run lab` starts it.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { readNotebook, root, whyNot, type Notebook } from '../notebooks/execute';

const BROWSERS = [process.env.ZSAQ_BROWSER, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'];
const browserPath = (): string | undefined => BROWSERS.find((file) => file !== undefined && existsSync(file));

/** Where pictures of a run are left. */
export const PICTURES = join(root, 'runs', 'browser');

/** What keeps this machine from these tests, in words; undefined where nothing does. */
function whyNoBrowser(): string | undefined {
  return whyNot() ?? (browserPath() ? undefined : 'skipped: there is no Chromium here: install it (on Debian `apt install chromium`), or give its file as ZSAQ_BROWSER');
}

/** Gives the tests of a `describe` one JupyterLab, or skips them with the reason; it is there from the first test on. */
export function useLab(opened: (lab: Lab) => void | Promise<void>): void {
  let lab: Lab | undefined;
  before(async function () {
    const reason = whyNoBrowser();
    if (reason) { console.log(`      ${reason}`); this.skip(); }
    lab = await Lab.start();
    await opened(lab);
  });
  after(async () => { await lab?.close(); });
}

/** A running JupyterLab with a page of the browser on it. Its notebooks are copies in a folder of their own. */
export class Lab {
  private constructor(readonly page: Page, private readonly url: URL, readonly folder: string, readonly browser: Browser, private readonly server: ChildProcess) {}

  static async start(): Promise<Lab> {
    mkdirSync(PICTURES, { recursive: true });
    const folder = mkdtempSync(join(PICTURES, 'notebooks-'));
    const server = spawn(process.execPath, [join(root, 'scripts', 'lab.cjs'), '--no-browser', '--allow-root', '--port=0', '--LabApp.expose_app_in_browser=True'], { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
    try {
      const url = await new Promise<URL>((found, failed) => {
        let text = '';
        server.stderr!.setEncoding('utf8').on('data', (part: string) => {
          text += part;
          const match = /http:\/\/(?:127\.0\.0\.1|localhost):\d+\/lab\S*token=\w+/.exec(text);
          if (match) found(new URL(match[0]));
        });
        server.on('exit', () => failed(new Error(`JupyterLab ended:\n${text}`)));
      });
      const browser = await chromium.launch({ executablePath: browserPath(), args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
      const page = await browser.newPage({ viewport: { width: 1180, height: 900 } });
      page.setDefaultTimeout(240_000);
      await page.addInitScript('globalThis.__name = (f) => f'); // tsx wraps named functions in it, also those that are sent to the page
      return new Lab(page, url, folder, browser, server);
    } catch (e) {
      server.kill();
      throw e;
    }
  }

  /** Opens a notebook, in a workspace that knows of no other. */
  async open(notebook: Notebook, name: string): Promise<void> {
    const file = join(this.folder, name);
    writeFileSync(file, JSON.stringify(notebook));
    const token = this.url.searchParams.get('token')!;
    await this.page.goto(`${this.url.origin}/lab/workspaces/${name.replace(/\W/g, '')}/tree/${relative(root, file)}?token=${token}&reset`);
    await this.page.locator('.jp-Notebook .jp-Cell').first().waitFor();
    await this.page.evaluate(() => (window as any).jupyterapp.restored);
  }

  /** One of JupyterLab's own commands. */
  async command(id: string, args: Record<string, unknown> = {}): Promise<void> {
    await this.page.evaluate(([name, given]) => (window as any).jupyterapp.commands.execute(name, given), [id, args] as const);
  }

  /** Waits for the kernel, runs every cell, saves, and gives what was saved. */
  async runAll(name: string): Promise<Notebook> {
    await this.page.waitForFunction(() => { // before, JupyterLab asks which kernel to take
      const kernel = (window as any).jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel;
      return kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
    });
    await this.command('notebook:run-all-cells');
    await this.command('docmanager:save');
    return readNotebook(join(this.folder, name));
  }

  async theme(kind: 'Light' | 'Dark'): Promise<void> {
    await this.command('apputils:change-theme', { theme: `JupyterLab ${kind}` });
    await this.page.locator(`body[data-jp-theme-light="${kind === 'Light'}"]`).waitFor({ state: 'attached' }); // the body itself has no size
    await this.page.waitForTimeout(500);
  }

  async picture(name: string): Promise<void> { await this.page.screenshot({ path: join(PICTURES, `${name}.png`) }); }

  /** Ends the kernels, the server and the browser. */
  async close(): Promise<void> {
    await this.page.evaluate(() => (window as any).jupyterapp.serviceManager.sessions.shutdownAll()).catch(() => undefined); // the menu's command asks first
    await this.browser.close();
    const gone = new Promise((next) => this.server.on('exit', next));
    this.server.kill('SIGTERM');
    await Promise.race([gone, new Promise((next) => setTimeout(next, 10_000))]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
