package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	core "k8s.io/api/core/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// kubelet is a client of a container runtime.
type kubelet struct{ cri.RuntimeServiceClient }

// Labels that the kubelet gives to what it makes.
const (
	labelPod       = "io.kubernetes.pod.name"
	labelContainer = "io.kubernetes.container.name"
)

// run makes a pod and starts its containers, and prints the ID of each.
func (k kubelet) run(ctx context.Context, pod *core.Pod, handler string) error {
	config := sandbox(pod)
	volumes := make(map[string]string)
	for _, v := range pod.Spec.Volumes {
		if v.HostPath != nil {
			volumes[v.Name] = v.HostPath.Path
			continue
		}
		volumes[v.Name] = filepath.Join(emptyDirs(pod.Name), v.Name)
		if err := os.MkdirAll(volumes[v.Name], 0o777); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(config.LogDirectory, 0o755); err != nil {
		return err
	}
	made, err := k.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: config, RuntimeHandler: handler})
	if err != nil {
		return err
	}
	fmt.Println(pod.Name, made.PodSandboxId)
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		created, err := k.CreateContainer(ctx, &cri.CreateContainerRequest{PodSandboxId: made.PodSandboxId, Config: process(pod, c, volumes), SandboxConfig: config})
		if err == nil {
			_, err = k.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: created.ContainerId})
		}
		if err != nil {
			return fmt.Errorf("container %s: %w", c.Name, err)
		}
		fmt.Println(c.Name, created.ContainerId)
	}
	return nil
}

func emptyDirs(pod string) string { return filepath.Join("/var/lib/kubelet/pods", pod, "volumes") }

// probe runs the probes of a pod's containers, and prints how each went.
func (k kubelet) probe(ctx context.Context, pod *core.Pod, _ string) error {
	for _, c := range pod.Spec.Containers {
		id, err := k.container(ctx, pod.Name, c.Name)
		if err != nil {
			return err
		}
		for name, p := range map[string]*core.Probe{"liveness": c.LivenessProbe, "readiness": c.ReadinessProbe} {
			if p == nil {
				continue
			}
			if p.Exec == nil {
				return fmt.Errorf("container %s: %s probe: of a kind that is not honoured here", c.Name, name)
			}
			r, err := k.ExecSync(ctx, &cri.ExecSyncRequest{ContainerId: id, Cmd: p.Exec.Command, Timeout: max(1, int64(p.TimeoutSeconds))})
			if err != nil {
				return fmt.Errorf("container %s: %s probe: %w", c.Name, name, err)
			}
			fmt.Printf("%s %s %d\n", c.Name, name, r.ExitCode)
		}
	}
	return nil
}

func (k kubelet) execSync(ctx context.Context, id string, command []string) error {
	r, err := k.ExecSync(ctx, &cri.ExecSyncRequest{ContainerId: id, Cmd: command, Timeout: int64(patience.Seconds())})
	if err != nil {
		return err
	}
	_, _ = os.Stdout.Write(r.Stdout)
	_, _ = os.Stderr.Write(r.Stderr)
	if r.ExitCode != 0 {
		return exitStatus(r.ExitCode)
	}
	return nil
}

// sandbox returns the ID of a pod.
func (k kubelet) sandbox(ctx context.Context, pod string) (string, error) {
	r, err := k.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{Filter: &cri.PodSandboxFilter{LabelSelector: map[string]string{labelPod: pod}}})
	if err != nil {
		return "", err
	}
	if len(r.Items) != 1 {
		return "", fmt.Errorf("there are %d pods of the name %q", len(r.Items), pod)
	}
	return r.Items[0].Id, nil
}

// container returns the ID of a container.
func (k kubelet) container(ctx context.Context, pod, name string) (string, error) {
	selector := map[string]string{labelPod: pod, labelContainer: name}
	r, err := k.ListContainers(ctx, &cri.ListContainersRequest{Filter: &cri.ContainerFilter{LabelSelector: selector}})
	if err != nil {
		return "", err
	}
	if len(r.Containers) != 1 {
		return "", fmt.Errorf("there are %d containers of the name %q in pod %q", len(r.Containers), name, pod)
	}
	return r.Containers[0].Id, nil
}

func (k kubelet) status(ctx context.Context, pod string) error {
	r, err := k.ListContainers(ctx, &cri.ListContainersRequest{Filter: &cri.ContainerFilter{LabelSelector: map[string]string{labelPod: pod}}})
	if err != nil {
		return err
	}
	for _, c := range r.Containers {
		about, err := k.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: c.Id})
		if err != nil {
			return err
		}
		state := strings.ToLower(strings.TrimPrefix(about.Status.State.String(), "CONTAINER_"))
		fmt.Println(c.Metadata.Name, state, about.Status.ExitCode, about.Status.Reason)
	}
	return nil
}

// printPID prints the number of a process from what containerd says beyond the CRI.
func printPID(info map[string]string) error {
	var about struct{ Pid int }
	if err := json.Unmarshal([]byte(info["info"]), &about); err != nil {
		return err
	}
	fmt.Println(about.Pid)
	return nil
}

func (k kubelet) sandboxPID(ctx context.Context, pod string) error {
	id, err := k.sandbox(ctx, pod)
	if err != nil {
		return err
	}
	r, err := k.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: id, Verbose: true})
	if err != nil {
		return err
	}
	return printPID(r.Info)
}

func (k kubelet) containerPID(ctx context.Context, id string) error {
	r, err := k.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id, Verbose: true})
	if err != nil {
		return err
	}
	return printPID(r.Info)
}

// logs prints a log without the times of its lines.
func (k kubelet) logs(ctx context.Context, id string) error {
	r, err := k.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id})
	if err != nil {
		return err
	}
	content, err := os.ReadFile(r.Status.LogPath)
	if err != nil {
		return err
	}
	for line := range bytes.Lines(content) {
		_, rest, _ := bytes.Cut(line, []byte(" "))
		if _, err := os.Stdout.Write(rest); err != nil {
			return err
		}
	}
	return nil
}

func (k kubelet) stats(ctx context.Context, id string) error {
	r, err := k.ContainerStats(ctx, &cri.ContainerStatsRequest{ContainerId: id})
	if err != nil {
		return err
	}
	fmt.Println(r.Stats.GetMemory().GetWorkingSetBytes().GetValue(), r.Stats.GetCpu().GetUsageCoreNanoSeconds().GetValue())
	return nil
}

func (k kubelet) remove(ctx context.Context, pod string) error {
	id, err := k.sandbox(ctx, pod)
	if err != nil {
		return err
	}
	if _, err := k.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: id}); err != nil {
		return err
	}
	if _, err := k.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: id}); err != nil {
		return err
	}
	groups, err := filepath.Glob("/sys/fs/cgroup/*" + groupOf(pod) + "/cgroup.procs")
	if err != nil {
		return err
	}
	for _, procs := range groups { // what is below is the runtime's to remove
		if err := os.Remove(filepath.Dir(procs)); err != nil {
			return err
		}
	}
	return errors.Join(os.RemoveAll(filepath.Dir(emptyDirs(pod))), os.RemoveAll(logs(pod)))
}
