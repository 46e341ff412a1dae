import { readdir, readFile } from 'node:fs/promises'

/** Processes whose environment holds this text, as Linux shows them in /proc. */
export async function processesWith(text: string): Promise<{ pid: number; parent: number; command: string }[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async pid => {
      const [environment, command, stat] = await Promise.all(
        ['environ', 'cmdline', 'stat'].map(file => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
      )
      // The name of the program, in parentheses, may hold spaces; state and parent follow it.
      const [state, parent] = stat!.slice(stat!.lastIndexOf(')') + 2).split(' ')
      if (!environment!.includes(text) || state === 'Z') return []
      return [{ pid: Number(pid), parent: Number(parent), command: command!.replaceAll('\0', ' ').trim() }]
    }),
  )
  return found.flat()
}
