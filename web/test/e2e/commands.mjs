/** Commands to a browser over a wire of JSON, and the answers to them, which come back under their numbers. */
export class Commands {
  #waiting = new Map();
  #number = 0;
  #ended = false;

  /** `write` puts a message on the wire. */
  constructor(browser, write) {
    this.browser = browser;
    this.write = write;
  }

  /** Sends one and waits for its answer; with `limitMs` no longer than that. */
  send(command, limitMs) {
    if (this.#ended) return Promise.reject(this.#gone());
    const id = ++this.#number;
    let late;
    const answered = new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      if (limitMs) late = setTimeout(() => reject(new Error(`${this.browser} did not answer ${command.method}`)), limitMs);
      this.write(JSON.stringify({ id, ...command }));
    });
    return answered.finally(() => {
      clearTimeout(late);
      this.#waiting.delete(id);
    });
  }

  /** An answer has come. With `problem` it is that the command failed. */
  answer(id, result, problem) {
    const { resolve, reject } = this.#waiting.get(id) ?? {};
    if (problem === undefined) resolve?.(result);
    else reject?.(new Error(problem));
  }

  /** There will be no more answers. */
  end() {
    this.#ended = true;
    for (const { reject } of this.#waiting.values()) reject(this.#gone());
  }

  #gone() {
    return new Error(`${this.browser} has ended`);
  }
}
