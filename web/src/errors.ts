/** What can go wrong, in plain words, each with what to do about it. */

/** What is shown: what happened, and what the person can do. */
export interface Problem {
  /** For styles and tests; never shown. */
  code: string;
  title: string;
  advice: string;
  /** The server is full, and says in how many seconds it is worth trying again. */
  retryS?: number;
}

/** A call that could not be opened, or not go on. */
export class CallError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.code);
  }
}

/** The problem behind anything that was thrown while a call was opened. */
export function problemOf(error: unknown): Problem {
  return error instanceof CallError ? error.problem : unexpected(error);
}

/** What keeps this page from calling at all, whatever the server does; null when nothing does. */
export function obstacle(page: { secure: boolean; microphone: boolean; webrtc: boolean; port: string }): Problem | null {
  if (!page.secure) {
    const local = `http://localhost${page.port ? `:${page.port}` : ''}`;
    return {
      code: 'insecure-origin',
      title: 'The microphone and signing in are off at this address',
      advice:
        'Browsers hand out the microphone, and keep a login safe, only for pages that came over https, or from the machine itself. ' +
        `Open this page with https://, or on the machine that runs Sotto as ${local}.`,
    };
  }
  if (!page.microphone || !page.webrtc) {
    return {
      code: 'browser-unsupported',
      title: 'This browser cannot make calls',
      advice: 'It offers no microphone or no WebRTC to this page. Use a current Firefox, Chrome, Edge or Safari.',
    };
  }
  return null;
}

/** Why `getUserMedia` gave no microphone. */
export function microphoneProblem(error: unknown): Problem {
  switch (nameOf(error)) {
    case 'NotAllowedError':
    case 'SecurityError':
      return {
        code: 'permission-denied',
        title: 'The microphone is blocked',
        advice:
          'Allow it for this page (the icon beside the address opens the choice), then call again. ' +
          'If it stays blocked, look into the microphone settings of your system.',
      };
    case 'NotFoundError':
    case 'OverconstrainedError':
      return {
        code: 'no-microphone',
        title: 'No microphone found',
        advice: 'Plug one in or switch it on, then call again.',
      };
    case 'NotReadableError':
    case 'AbortError':
      return {
        code: 'microphone-busy',
        title: 'The microphone does not start',
        advice: 'Another program may be using it. Close that program or choose another microphone, then call again.',
      };
    default:
      return unexpected(error);
  }
}

/** What a refusal of the server means. `body` is its JSON, if it sent any. */
export function refusal(status: number, body: unknown, retryAfter: string | null, now = Date.now()): Problem {
  const error = errorOf(body);
  if (error.code === 'sign_in') return signInFirst();
  if (error.code === 'unknown_call') return callGone();
  switch (status) {
    case 409:
      return {
        code: 'in-call',
        title: 'There is a call in this conversation already',
        advice: 'Hang up there, on the other device or in the other window, or begin a new conversation.',
      };
    case 401:
    case 403:
      return {
        code: 'not-allowed',
        title: 'This server does not take calls from here',
        advice:
          'It lets in only the machine it runs on: open this page there, through localhost and without a proxy. ' +
          'To let in everyone who can reach it, whoever runs it sets auth.open_calls to any.',
      };
    case 404:
    case 405:
      return {
        code: 'no-calls-here',
        title: 'There is no Sotto at this address',
        advice: 'The page came from somewhere that does not take calls. Check the address, or the proxy in front of it.',
      };
    case 429:
      return {
        code: 'too-many-calls',
        title: 'Too many calls at once',
        advice: `Too many calls were started from here. ${tryAgain(retryAfter, now)}`,
      };
    case 503:
      if (error.code === 'no_recogniser') {
        return {
          code: 'no-recogniser',
          title: 'The server cannot understand speech yet',
          advice: `It has nothing to recognise speech with. Whoever runs it gets weights with “sotto models pull”, or asks “sotto doctor”. ${tryAgain(retryAfter, now)}`,
        };
      }
      if (error.code.includes('stopping')) {
        return {
          code: 'server-stopping',
          title: 'The server is stopping',
          advice: `It takes no new calls. ${tryAgain(retryAfter, now)}`,
        };
      }
      if (error.code === 'at_capacity') return full(error.message, secondsOf(retryAfter, now), tryAgain(retryAfter, now));
      return {
        code: 'not-now',
        title: 'The server cannot take a call now',
        advice: `${sentence(error.message)} ${tryAgain(retryAfter, now)}`.trim(),
      };
    case 502:
    case 504:
      return unreachable();
    default:
      return {
        code: 'refused',
        title: 'The server refused the call',
        advice: sentence(error.message) || `It answered with status ${status} and no reason. Its log may say more.`,
      };
  }
}

/** `message` says whether all lines are busy or the machine is behind. `retryS`: in so many seconds the page tries again by itself. */
function full(message: string, retryS: number | null, advice: string): Problem {
  const problem = { code: 'server-full', title: 'The server is full' };
  // Behind the semicolon stands what to do; how long to wait is known better here.
  const why = sentence(message.split(';')[0] ?? '') || 'It carries as many calls as it can.';
  return retryS === null
    ? { ...problem, advice: `${why} ${advice}` }
    : { ...problem, advice: `${why} This page calls again by itself when a line is free.`, retryS };
}

/** The page has called again by itself as often as it does. */
export function stillFull(): Problem {
  return {
    code: 'server-full',
    title: 'The server is still full',
    advice: 'This page has stopped trying. Call again later.',
  };
}

export function signInFirst(): Problem {
  return {
    code: 'sign-in',
    title: 'Sign in to call',
    advice: 'This server keeps conversations for people it knows. Sign in, then call again.',
  };
}

export function privateLocked(): Problem {
  return {
    code: 'private-locked',
    title: 'Private conversations are locked',
    advice: 'This page cannot open them. Choose another way to keep this conversation.',
  };
}

export function unreachable(online = true): Problem {
  return online
    ? {
        code: 'server-unreachable',
        title: 'The server does not answer',
        advice: 'Check that it is running and that this device can reach it, then call again.',
      }
    : {
        code: 'offline',
        title: 'This device is offline',
        advice: 'Connect it to the network, then call again.',
      };
}

/** The server answered, but no sound got through: the trouble everyone has with WebRTC across networks. */
export function noMediaPath(): Problem {
  return {
    code: 'no-media-path',
    title: 'The call was answered, but no sound gets through',
    advice:
      'A firewall, a VPN or a container between here and the server keeps its UDP port closed. ' +
      'Whoever runs the server opens that port (it is printed when the server starts) and sets its public address.',
  };
}

export function callLost(): Problem {
  return {
    code: 'call-lost',
    title: 'The call was lost',
    advice: 'The connection broke and could not be restored. Call again when the network is back.',
  };
}

/** It was to go on, and nothing is left of it. */
export function callGone(): Problem {
  return {
    code: 'call-gone',
    title: 'The call can no longer be continued',
    advice: 'It ended more than a minute ago, or goes on elsewhere. Call again: what was kept of the conversation is still there.',
  };
}

/** The server closed the call; `reason` is what `sotto.call.ending` said before, if it did. */
export function endedByServer(reason: string | null): Problem {
  switch (reason) {
    case 'server_stopping':
      return {
        code: 'server-stopping',
        title: 'The server stopped',
        advice: 'It was shut down or restarted, which ended the call. Call again in a moment.',
      };
    case 'resumed':
      return {
        code: 'continued-elsewhere',
        title: 'The call goes on elsewhere',
        advice: 'It was continued on another device, or in another window.',
      };
    case 'slow_client':
      return {
        code: 'slow-client',
        title: 'The connection was too slow',
        advice: 'The answers came faster than this device could take them. Call again on a better network.',
      };
    case 'engine_failed':
      return {
        code: 'engine-failed',
        title: 'A speech engine failed',
        advice: 'The server could not go on with the call. Call again; if it happens again, its log says which engine.',
      };
    default:
      return {
        code: 'ended-by-server',
        title: 'The server ended the call',
        advice: 'You can call again.',
      };
  }
}

export function endingSoon(reason: string, inMs: number): Problem {
  const seconds = Math.max(1, Math.round(inMs / 1000));
  const why = reason === 'server_stopping' ? 'The server is stopping' : 'The server has to end this call';
  return { code: 'ending-soon', title: why, advice: `The call ends in ${seconds} s.` };
}

export function transcriptionFailed(message: string): Problem {
  return {
    code: 'transcription-failed',
    title: 'Your words could not be written down',
    advice: `${sentence(message)} Say it again.`.trim(),
  };
}

export function modelFailed(message: string | null): Problem {
  return {
    code: 'model-failed',
    title: 'The language model gave no answer',
    advice: `${sentence(message ?? '')} The call goes on: say it again.`.trim(),
  };
}

export function notStored(): Problem {
  return {
    code: 'not-stored',
    title: 'Something that was said could not be saved',
    advice: 'The call goes on. What is marked below it will be gone when you leave this page: copy what you need.',
  };
}

export function replyTooLong(): Problem {
  return { code: 'reply-too-long', title: 'The answer reached its length limit', advice: 'Ask for the rest.' };
}

export function serverReported(message: string): Problem {
  return { code: 'server-error', title: 'The server reported an error', advice: sentence(message) };
}

export function microphoneSilent(): Problem {
  return {
    code: 'microphone-silent',
    title: 'Nothing comes from the microphone',
    advice: 'It may be muted by a switch, a key or the system. You can choose another one under Sound.',
  };
}

export function soundSilent(): Problem {
  return {
    code: 'sound-silent',
    title: 'The browser plays no sound',
    advice: 'Touch the page once. If that does not help, check that a loudspeaker or headphones are connected.',
  };
}

function unexpected(error: unknown): Problem {
  const message = error instanceof Error ? error.message : '';
  return {
    code: 'unexpected',
    title: 'The call could not be made',
    advice: `${sentence(message)} Reload the page and call again.`.trim(),
  };
}

/** The seconds of a `Retry-After` value, which is that or a date; null if it says nothing of use. */
export function secondsOf(retryAfter: string | null, now: number): number | null {
  const text = retryAfter?.trim() ?? '';
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - now) / 1000);
  return Number.isFinite(seconds) && seconds >= 1 ? seconds : null;
}

/** Turns a `Retry-After` value into advice. */
export function tryAgain(retryAfter: string | null, now: number): string {
  const seconds = secondsOf(retryAfter, now);
  if (seconds === null) return 'Try again in a moment.';
  return seconds < 90 ? `Try again in ${seconds} s.` : `Try again in ${Math.round(seconds / 60)} minutes.`;
}

function errorOf(body: unknown): { code: string; message: string } {
  const error = (body as { error?: { code?: unknown; message?: unknown } } | null)?.error;
  return {
    code: typeof error?.code === 'string' ? error.code : '',
    message: typeof error?.message === 'string' ? error.message : '',
  };
}

/** Server messages are lower case without a full stop; here they stand among sentences. */
export function sentence(message: string): string {
  const text = message.trim();
  if (!text) return '';
  const closed = /[.!?…]$/.test(text) ? text : `${text}.`;
  return closed.charAt(0).toUpperCase() + closed.slice(1);
}

function nameOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'name' in error ? String(error.name) : '';
}
