import { hostname } from 'node:os'
import { z } from 'zod'
import { MEBIBYTE, MINUTE, SECOND } from '../domain/units.js'
import { positiveInteger, textList } from './schemas.js'
import type { Setting } from './setting.js'

export const DOWNLOADS_SETTINGS = {
  HOST_RATE: {
    schema: z.coerce.number().min(0).max(100_000),
    default: 100,
    expected: 'requests per second, 0 to 100000; 0: no limit',
    help: 'Requests per second to one host, for all workers together. 0: no limit.',
  },
  IGNORE_OPT_OUT: {
    schema: z.enum(['true', 'false']).transform(value => value === 'true'),
    default: false,
    expected: 'true or false',
    help: 'Download images even if their server opts out with X-Robots-Tag or TDM-Reservation (like --ignore-opt-out).',
  },
  ALLOW_HOSTS: {
    schema: textList,
    default: [],
    shownDefault: 'none',
    expected: 'HOST or HOST:PORT, separated by commas',
    help: 'Hosts to allow although their addresses are private or loopback (like --allow-host).',
  },
  ALLOW_FOLDERS: {
    schema: textList,
    default: [],
    shownDefault: 'none',
    expected: 'folders, separated by commas',
    help: 'Folders from which workers may read image files, and s3://bucket/prefix (like --allow-folder).',
  },
  ALLOW_TEMPLATES: {
    schema: z.string().transform(text => text.trim().split(/\s+/)),
    default: [],
    shownDefault: 'none',
    expected: 'URL templates, separated by blanks',
    help: 'URL templates whose environment variables workers here may send to hosts (like --allow-template).',
  },
  PLACE_HOST: {
    advanced: true,
    schema: z.string().min(1).max(255),
    default: hostname(),
    shownDefault: 'the host name',
    expected: 'a name, the same in every run on this machine',
    help: 'Name under which the places of photos are recorded. Set it where the host name changes, as in containers.',
  },
  DOWNLOAD_CONCURRENCY: {
    advanced: true,
    schema: positiveInteger(256),
    default: 16,
    expected: '1 to 256',
    help: 'Concurrent downloads per worker process.',
  },
  HOST_CONCURRENCY: {
    advanced: true,
    schema: positiveInteger(256),
    default: 8,
    expected: '1 to 256',
    help: 'Concurrent downloads per host and worker process.',
  },
  DOWNLOAD_TIMEOUT_MS: {
    advanced: true,
    schema: positiveInteger(10 * MINUTE),
    default: 30 * SECOND,
    expected: 'milliseconds, 1 to 600000',
    help: 'Deadline for a whole download, including redirects.',
  },
  MAX_REDIRECTS: {
    advanced: true,
    schema: z.coerce.number().int().min(0).max(20),
    default: 5,
    expected: '0 to 20',
    help: 'Maximum redirects to follow.',
  },
  MAX_IMAGE_BYTES: {
    advanced: true,
    schema: positiveInteger(1024 * MEBIBYTE),
    default: 50 * MEBIBYTE,
    expected: 'bytes, 1 to 1073741824',
    help: 'Largest image to download.',
  },
  MAX_IMAGE_PIXELS: {
    advanced: true,
    schema: positiveInteger(1_000_000_000),
    default: 120_000_000,
    expected: 'pixels, 1 to 1000000000',
    help: 'Largest image to decode.',
  },
} as const satisfies Record<string, Setting>
