// Command kubelet does for the tests what Kubernetes' kubelet does: it takes manifests as kubectl does, refuses a field that the API does
// not have or that it would not honour, and has a container runtime run the pods, by the CRI. It is a module of its own, so that nothing
// else depends on Kubernetes.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const usage = `usage: kubelet SOCKET apply FILE...                            run the pods of manifests, with the runtime classes in there
       kubelet SOCKET probe FILE...                            run the probes of the same pods, once
       kubelet SOCKET exec-sync POD CONTAINER COMMAND ARG...   run a command in a container, as probes are
       kubelet SOCKET exec POD CONTAINER FLAGS COMMAND ARG...  the same as kubectl exec, with its flags -i and -t, and -websocket
       kubelet SOCKET attach POD CONTAINER FLAGS               what kubectl attach does, with these flags
       kubelet SOCKET status POD                               print name, state, exit status and reason of each container
       kubelet SOCKET pid POD [CONTAINER]                      print the process of a container, or of the pod's pause container
       kubelet SOCKET logs POD CONTAINER                       print the lines of a container's log
       kubelet SOCKET stats POD CONTAINER                      print what a container uses: bytes, nanoseconds
       kubelet SOCKET update POD CONTAINER BYTES               change a container's memory limit
       kubelet SOCKET stop POD CONTAINER SECONDS               stop a container within a grace period
       kubelet SOCKET delete POD                               stop and remove a pod`

// patience is how long a call may take.
const patience = time.Minute

func main() {
	err := do(os.Args[1:])
	var status exitStatus
	if errors.As(err, &status) {
		os.Exit(int(status))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kubelet:", err)
		os.Exit(1)
	}
}

// exitStatus is how a command in a container ended, which has written what there is to say.
type exitStatus int

func (e exitStatus) Error() string { return "exit status " + strconv.Itoa(int(e)) }

func do(args []string) error {
	if len(args) < 3 {
		return errors.New(usage)
	}
	conn, err := grpc.NewClient("unix://"+args[0], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	k := kubelet{cri.NewRuntimeServiceClient(conn)}
	verb, pod, rest := args[1], args[2], args[3:]
	switch {
	case verb == "apply":
		return k.eachPod(ctx, args[2:], k.run)
	case verb == "probe":
		return k.eachPod(ctx, args[2:], k.probe)
	case verb == "status" && len(rest) == 0:
		return k.status(ctx, pod)
	case verb == "pid" && len(rest) == 0:
		return k.sandboxPID(ctx, pod)
	case verb == "delete" && len(rest) == 0:
		return k.remove(ctx, pod)
	case len(rest) == 0:
		return errors.New(usage)
	}
	id, err := k.container(ctx, pod, rest[0])
	if err != nil {
		return err
	}
	rest = rest[1:]
	switch {
	case verb == "exec-sync" && len(rest) > 0:
		return k.execSync(ctx, id, rest)
	case verb == "exec" && len(rest) > 0:
		return k.exec(ctx, id, rest)
	case verb == "attach":
		return k.attach(ctx, id, rest)
	case verb == "pid" && len(rest) == 0:
		return k.containerPID(ctx, id)
	case verb == "logs" && len(rest) == 0:
		return k.logs(ctx, id)
	case verb == "stats" && len(rest) == 0:
		return k.stats(ctx, id)
	case len(rest) != 1:
		return errors.New(usage)
	}
	n, err := strconv.ParseInt(rest[0], 10, 64)
	switch {
	case err != nil:
		return err
	case verb == "update":
		_, err = k.UpdateContainerResources(ctx, &cri.UpdateContainerResourcesRequest{ContainerId: id, Linux: &cri.LinuxContainerResources{MemoryLimitInBytes: n}})
	case verb == "stop":
		_, err = k.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: id, Timeout: n})
	default:
		err = errors.New(usage)
	}
	return err
}
