// The entry for notebooks: what shows a run.
export { barFigure, heatFigure, histogramFigure, lineFigure, lossFigure, sliderFigure, type Axis, type Figure, type Line } from './figure';
export { toFrame } from './frame';
export { beginJob } from './kernel';
export { liveFigure, show, view, type LiveFigure, type Showable } from './notebook';
export { durationText, Progress } from './progress';
export { toSvg } from './svg';
export { plain } from './template';
export { interact, type Button, type Choice, type Panel, type Slider } from './widgets';
export { toCsv, toLatex, toMarkdown, toText, type Table } from './table';
