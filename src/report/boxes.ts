// jsdom has no layout: sizes and places of SVG elements from their attributes, with text as wide as average characters.
// Fonts differ between machines and drawings must not, so that an average is better here than a measurement.

/** Bounds of an element in the coordinates of the element that holds it. */
interface Bounds { left: number; top: number; right: number; bottom: number }
/** Affine map: x' = a x + c y + e, y' = b x + d y + f. */
type Matrix = [a: number, b: number, c: number, d: number, e: number, f: number];

/** Average width of a character of a sans-serif font and of its capitals, and height of a line above its base and in all, in its size. */
const WIDTH = 0.56, CAPITAL = 0.7, ASCENT = 0.95, LINE = 1.25;
const IDENTITY: Matrix = [1, 0, 0, 1, 0, 0];
const NOTHING: Bounds = { left: 0, top: 0, right: 0, bottom: 0 };

const numberOf = (element: Element, name: string) => Number.parseFloat(element.getAttribute(name) ?? '') || 0;

function inherited(element: Element, property: string): string | undefined {
  for (let e: Element | null = element; e?.getAttribute; e = e.parentElement) {
    const value = new RegExp(`(?:^|;)\\s*${property}:\\s*([^;]+)`).exec(e.getAttribute('style') ?? '')?.[1] ?? e.getAttribute(property);
    if (value) return value.trim();
  }
  return undefined;
}

/** Of a line, in its size: a legend is cut off where it is wider than this. */
function widthOf(line: string): number { return [...line].reduce((sum, c) => sum + (c >= 'A' && c <= 'Z' ? CAPITAL : WIDTH), 0); }

function textBounds(text: Element): Bounds {
  const size = Number.parseFloat(inherited(text, 'font-size') ?? '') || 12;
  const lines = [...text.querySelectorAll('tspan.line')].map((line) => line.textContent ?? '');
  if (lines.length === 0) lines.push(text.textContent ?? '');
  const width = Math.max(...lines.map(widthOf)) * size;
  if (width === 0) return NOTHING;
  const anchor = inherited(text, 'text-anchor');
  const left = numberOf(text, 'x') - (anchor === 'middle' ? width / 2 : anchor === 'end' ? width : 0);
  const top = numberOf(text, 'y') - size * ASCENT;
  return { left, top, right: left + width, bottom: top + size * LINE * lines.length };
}

function matrixOf(element: Element): Matrix {
  let m = IDENTITY;
  for (const [, kind, list] of (element.getAttribute('transform') ?? '').matchAll(/(\w+)\(([^)]*)\)/g)) {
    const [a = 0, b, c] = list.split(/[\s,]+/).filter(Boolean).map(Number);
    if (kind === 'translate') m = times(m, [1, 0, 0, 1, a, b ?? 0]);
    if (kind === 'scale') m = times(m, [a, 0, 0, b ?? a, 0, 0]);
    if (kind === 'rotate') {
      const r = (a * Math.PI) / 180, cos = Math.cos(r), sin = Math.sin(r), x = b ?? 0, y = c ?? 0;
      m = times(m, [cos, sin, -sin, cos, x - cos * x + sin * y, y - sin * x - cos * y]);
    }
  }
  return m;
}

function times([a, b, c, d, e, f]: Matrix, [A, B, C, D, E, F]: Matrix): Matrix {
  return [a * A + c * B, b * A + d * B, a * C + c * D, b * C + d * D, a * E + c * F + e, b * E + d * F + f];
}

function moved({ left, top, right, bottom }: Bounds, [a, b, c, d, e, f]: Matrix): Bounds {
  const xs = [left, right].flatMap((x) => [top, bottom].map((y) => a * x + c * y + e));
  const ys = [left, right].flatMap((x) => [top, bottom].map((y) => b * x + d * y + f));
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}

/** Bounds without the element's own transform, as SVG's getBBox gives them. */
function boundsOf(element: Element): Bounds {
  const name = element.nodeName.toLowerCase();
  if (name === 'text' || name === 'tspan') return textBounds(element);
  if (name === 'rect' || name === 'image') {
    const left = numberOf(element, 'x'), top = numberOf(element, 'y');
    return { left, top, right: left + numberOf(element, 'width'), bottom: top + numberOf(element, 'height') };
  }
  if (name === 'path') {
    const steps = [...(element.getAttribute('d') ?? '').matchAll(/([ML])\s*(-?[\d.e+-]+)[\s,]+(-?[\d.e+-]+)/g)];
    return union(steps.map(([, , x, y]) => ({ left: +x, right: +x, top: +y, bottom: +y })));
  }
  if (name !== 'g' && name !== 'svg' && name !== 'a') return NOTHING;
  return union([...element.children].filter((child) => inherited(child, 'display') !== 'none').map((child) => moved(boundsOf(child), matrixOf(child))).filter((b) => b !== NOTHING && (b.right > b.left || b.bottom > b.top)));
}

function union(all: Bounds[]): Bounds {
  if (all.length === 0) return NOTHING;
  return {
    left: Math.min(...all.map((b) => b.left)), top: Math.min(...all.map((b) => b.top)),
    right: Math.max(...all.map((b) => b.right)), bottom: Math.max(...all.map((b) => b.bottom)),
  };
}

const rectangle = ({ left, top, right, bottom }: Bounds) => ({ x: left, y: top, left, top, right, bottom, width: right - left, height: bottom - top });

/** What `getBBox` gives: bounds in the element's own coordinates. */
export function boxOf(element: Element) { return rectangle(boundsOf(element)); }

/** What `getBoundingClientRect` gives: bounds on the page, through the transforms of all that hold the element. */
export function pageBoxOf(element: Element) {
  let matrix = IDENTITY;
  for (let e: Element | null = element; e && 'ownerSVGElement' in e; e = e.parentElement) matrix = times(matrixOf(e), matrix);
  return rectangle(moved(boundsOf(element), matrix));
}
