import { closedError } from "../errors.ts";
import type { TopicFrame } from "./frames.ts";
import type { Reply } from "./socket.ts";

/** Who follows a topic on a connection. */
export interface TopicFollower {
  readonly topic: string;
  /** A new socket is there: subscribe. `done` is called when that is answered, whatever the answer. */
  onSocket(done: () => void): void;
  /** The last socket is gone. */
  onLost(): void;
  onFrame(frame: TopicFrame): void;
  /** Without a socket: asks by HTTP for what is new. Resolves with whether something was; rejects with what may pass. */
  poll(signal: AbortSignal): Promise<boolean>;
}

type Fields = Readonly<Record<string, unknown>>;

/** Sends one frame on the present socket; fails with DISCONNECTED where there is none. */
type Request = (action: string, fields: Fields, reply: Reply) => void;

interface Topic {
  readonly followers: Set<TopicFollower>;
  /** Frames about this topic that wait for the answer to the one before: the server may handle two in any order. */
  readonly waiting: (() => void)[];
  busy: boolean;
}

/** Who follows which topic, and the frames about each topic one after the other. */
export class Topics {
  readonly #topics = new Map<string, Topic>();
  readonly #request: Request;
  readonly #onEmpty: () => void;

  /** `onEmpty` is called when the last topic has gone. */
  constructor(request: Request, onEmpty: () => void) {
    this.#request = request;
    this.#onEmpty = onEmpty;
  }

  get size(): number {
    return this.#topics.size;
  }

  followers(): TopicFollower[] {
    return [...this.#topics.values()].flatMap((topic) => [...topic.followers]);
  }

  deliver(frame: TopicFrame): void {
    for (const follower of [...(this.#topics.get(frame.topic)?.followers ?? [])]) follower.onFrame(frame);
  }

  add(follower: TopicFollower): void {
    const topic = this.#topics.get(follower.topic) ?? { followers: new Set(), waiting: [], busy: false };
    topic.followers.add(follower);
    this.#topics.set(follower.topic, topic);
  }

  /** Removes a follower; the last one of a topic takes the subscription with it, if there is one. */
  remove(follower: TopicFollower, subscribed: boolean): void {
    const { topic: name } = follower;
    const topic = this.#topics.get(name);
    if (topic === undefined || !topic.followers.delete(follower) || topic.followers.size > 0) return;
    const forget = () => {
      if (topic.followers.size === 0 && this.#topics.get(name) === topic) this.#topics.delete(name);
      if (this.#topics.size === 0) this.#onEmpty();
    };
    if (!subscribed) {
      forget();
      return;
    }
    this.#enqueue(topic, (next) => {
      const done = () => {
        forget();
        next();
      };
      // A lost socket takes its subscriptions with it, a refusal means that there was none.
      if (topic.followers.size === 0) this.#request("unsubscribe", { topic: name }, { answered: done, failed: done });
      else next(); // By now another follower has come.
    });
  }

  /**
   * Sends a frame about a topic that is followed when the topic's earlier frames
   * are answered, and later ones when this one is. With the signal aborted
   * before its turn it is not sent.
   */
  send(name: string, action: string, fields: Fields, reply: Reply, signal?: AbortSignal): void {
    const topic = this.#topics.get(name);
    if (topic === undefined) {
      reply.failed(closedError(`the topic ${name}`));
      return;
    }
    this.#enqueue(topic, (next) => {
      if (signal?.aborted) {
        reply.failed(signal.reason);
        next();
        return;
      }
      this.#request(action, { topic: name, ...fields }, {
        answered: (answer) => {
          reply.answered(answer);
          next();
        },
        failed: (error) => {
          reply.failed(error);
          next();
        },
      });
    });
  }

  /** Runs `act` when its turn has come; it calls `next` when it is done. */
  #enqueue(topic: Topic, act: (next: () => void) => void): void {
    topic.waiting.push(() => act(() => this.#next(topic)));
    if (!topic.busy) this.#next(topic);
  }

  #next(topic: Topic): void {
    const act = topic.waiting.shift();
    topic.busy = act !== undefined;
    act?.();
  }
}
