// The entry for notebooks: what shows a run.
export { barFigure, heatFigure, histogramFigure, lineFigure, lossFigure, sliderFigure, type Figure } from './figure';
export { toFrame } from './frame';
export { interact, liveFigure, show, view, type LiveFigure } from './notebook';
export { Progress } from './progress';
export { toSvg } from './svg';
export { toText, type Table } from './table';
