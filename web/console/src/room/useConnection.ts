import type { Connection, ConnectionState } from "@rapport/client";
import { useEffect, useState } from "preact/hooks";

export function useConnection(connection: Connection): ConnectionState {
  const [state, setState] = useState(connection.state);
  useEffect(() => {
    setState(connection.state);
    return connection.onState(setState);
  }, [connection]);
  return state;
}
