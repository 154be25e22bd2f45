import { doctor, formatDoctor } from '../doctor';
import type { Command } from './command';

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'what this machine has, and what to do about what it lacks',
  help: `zsaq doctor [--json]

  --json   last line of standard output: one JSON object (backend, device, tensorflow, problems, ...)`,
  options: {},
  async run() {
    const report = await doctor();
    return { text: formatDoctor(report), json: { ...report }, exitCode: 0 };
  },
};
