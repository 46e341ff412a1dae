import { homedir } from 'node:os'
import { join } from 'node:path'

/** Default of UNSPLASH_CLIP_HOME. */
export const DEFAULT_HOME = join(process.env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'unsplash-clip')
