import { execFileSync, spawnSync } from 'node:child_process';

/** Runs ipvsadm with these options; its output. Throws with what it said when it fails. */
export function ipvsadm(...options: string[]): string {
  return execFileSync('ipvsadm', options, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** `ipvsadm -R`: carries these commands out. */
export function restore(commands: readonly string[]): void {
  const { status, stderr } = spawnSync('ipvsadm', ['-R'], { input: commands.map((line) => `${line}\n`).join(''), encoding: 'utf8' });
  if (status !== 0 || stderr !== '') throw new Error(`ipvsadm -R: status ${status}: ${stderr}`);
}

/** The table as it saves it, line by line. */
export function saved(): string[] {
  return ipvsadm('-Sn').split('\n').filter((line) => line !== '');
}
