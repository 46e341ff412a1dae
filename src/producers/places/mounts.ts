import { readFile } from 'node:fs/promises'
import type { MountMemory } from './mount-memory.js'

/** Mount points, the fifth field of each line. */
const LINUX_MOUNTS = '/proc/self/mountinfo'

/**
 * Disks that are mounted below folders. The files of one that is not mounted any more look deleted. Knows nothing on other
 * systems than Linux.
 */
export class Mounts {
  readonly #known = new Set<string>()
  #remembered: readonly string[] | null = null
  #mounted: ReadonlySet<string> = new Set()

  /**
   * @param memory of disks that earlier processes saw
   * @param read the text of {@link LINUX_MOUNTS}
   */
  constructor(
    private readonly memory?: Pick<MountMemory, 'all' | 'remember'>,
    private readonly read = () => readFile(LINUX_MOUNTS, 'utf8'),
  ) {}

  /** Mount points that were there and are not. */
  get away(): string[] {
    return [...this.#known].filter(path => !this.#mounted.has(path))
  }

  /** Looks which disks are mounted. @returns mount points that went away or came back since the last look */
  async look(folders: readonly string[]): Promise<{ away: string[]; back: string[] }> {
    const text = await this.read().catch(() => null)
    if (text === null) return { away: [], back: [] }
    const before = this.away
    const isOurs = (path: string) => folders.some(folder => isBelow(path, folder))
    const below = mountPointsOf(text).filter(isOurs)
    this.#remembered ??= (await this.memory?.all()) ?? []
    for (const path of this.#remembered.filter(isOurs)) this.#known.add(path)
    const news = below.filter(path => !this.#known.has(path))
    for (const path of news) this.#known.add(path)
    // Where it cannot be written, this process knows them at least.
    if (news.length > 0) await this.memory?.remember(news).catch(() => {})
    this.#mounted = new Set(below)
    const now = this.away
    return { away: now.filter(path => !before.includes(path)), back: before.filter(path => !now.includes(path)) }
  }
}

/** Blanks and backslashes are octal there. */
function mountPointsOf(text: string): string[] {
  return text
    .split('\n')
    .flatMap(line => line.split(' ')[4] ?? [])
    .map(path => path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))))
}

function isBelow(path: string, folder: string): boolean {
  return path !== folder && path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}
