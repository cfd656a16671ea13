/**
 * A wire between one person's browser and the WebSocket server that can be cut
 * for real: a TCP relay whose connections are destroyed, and which takes no new
 * ones until it is mended. It may gather what the server sends, as busy networks
 * do: then a client gets many frames in one packet.
 */
import { connect, createServer } from "node:net";

export class Wire {
  #server;
  #sockets = new Set();
  #cut = false;
  /** The server's port, learnt from the first ticket. */
  #target = 0;
  /** How long the server's bytes are gathered; 0 passes them on as they come. */
  gatherMs = 0;

  /** @returns {Promise<Wire>} */
  static async open() {
    const wire = new Wire();
    wire.#server = createServer((socket) => wire.#relay(socket));
    await new Promise((resolve, reject) => wire.#server.once("error", reject).listen(0, "127.0.0.1", resolve));
    wire.#server.unref(); // a test that fails before closing it must still end
    return wire;
  }

  /**
   * Sends a ticket's URL through this wire.
   * @param {string} url
   */
  through(url) {
    const parsed = new URL(url);
    this.#target = Number(parsed.port);
    parsed.port = String(this.#server.address().port);
    return parsed.href;
  }

  /** Destroys every connection, and refuses new ones. */
  cut() {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  get isCut() {
    return this.#cut;
  }

  mend() {
    this.#cut = false;
  }

  async close() {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #relay(near) {
    if (this.#cut || this.#target === 0) {
      near.destroy();
      return;
    }
    const far = connect(this.#target, "127.0.0.1");
    for (const [socket, other] of [[near, far], [far, near]]) {
      this.#sockets.add(socket);
      socket.on("error", () => socket.destroy()); // a cut is no failure of the test
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      if (socket === far && this.gatherMs > 0) gather(far, near, this.gatherMs);
      else socket.pipe(other);
    }
  }
}

/** Passes on what comes from one socket to the other, all of some time in one piece. */
function gather(from, to, ms) {
  let held = [];
  from.on("data", (data) => {
    if (held.push(data) > 1) return;
    setTimeout(() => {
      to.write(Buffer.concat(held));
      held = [];
    }, ms);
  });
}
