package syscalls

import (
	"slices"

	"toaster/netbsd"
)

// This file has the nodes of ipsec(4), net.key and net.bluetooth of sysctl(7): GENERIC has the protocols, no socket of which can be made here.

// Some options have two names (ipsec_netbsd.c).
var (
	ipsecDebug   = intOption(0)
	ipsecEnabled = intOption(1)
)

// Levels and policies (netipsec/ipsec.h).
const (
	levelUse      = 1
	levelRequire  = 2
	policyDiscard = 0
	policyNone    = 1
)

// ipsecLevels are two levels, with the numbers from num on. EINVAL: neither to use nor to require.
func ipsecLevels(trans, net string, num int32) []sysctlNode {
	return []sysctlNode{
		settableIn(num, trans, levelUse, levelUse, levelRequire, "Level of transport mode"),
		settableIn(num+1, net, levelUse, levelUse, levelRequire, "Level of tunnel mode"),
	}
}

// ipsecSwitch is what both families have; that there are policies says "used".
func ipsecSwitch() []sysctlNode {
	return []sysctlNode{
		ipsecDebug.node(12, "debug", netbsd.CTLTYPE_INT).says("Whether IPsec is logged"),
		ipsecEnabled.node(created, "enabled", netbsd.CTLTYPE_INT).judged(inRange(0, 2)).says("Whether there is IPsec"),
		constant(created, "used", 0, "Whether it is used"),
	}
}

func ipsec4Nodes() []sysctlNode {
	return slices.Concat([]sysctlNode{
		settableIn(2, "def_policy", policyNone, policyDiscard, policyNone, "Policy by default"),
	}, ipsecLevels("esp_trans_deflev", "esp_net_deflev", 3),
		ipsecLevels("ah_trans_deflev", "ah_net_deflev", 5),
		[]sysctlNode{
			settable(8, "ah_cleartos", 1, "Whether the type of service is cleared"),
			settable(9, "ah_offsetmask", 0, "Mask of the offset"),
			settable(10, "dfbit", 2, "Whether packets may be fragmented"),
			settable(11, "ecn", 0, "Congestion of tunnels"),
			settable(created, "ipip_spoofcheck", 1, "Whether addresses in tunnels are checked"),
			counters(created, "ipsecstats", 16, "IPsec statistics"),
		}, ipsecSwitch(), []sysctlNode{
			settable(created, "ah_enable", 1, "Whether there is AH"),
			settable(created, "esp_enable", 1, "Whether there is ESP"),
			settable(created, "ipcomp_enable", 1, "Whether there is IPComp"),
			settable(created, "crypto_support", 0, "What enciphers"),
		})
}

func ipsec6Nodes() []sysctlNode {
	return slices.Concat([]sysctlNode{
		counters(1, "stats", 16, "IPsec statistics"),
		settableIn(2, "def_policy", policyNone, policyDiscard, policyNone, "Policy by default"),
	}, ipsecLevels("esp_trans_deflev", "esp_net_deflev", 3),
		ipsecLevels("ah_trans_deflev", "ah_net_deflev", 5),
		[]sysctlNode{settable(11, "ecn", 0, "Congestion of tunnels")}, ipsecSwitch())
}

func keyNodes() []sysctlNode {
	return []sysctlNode{
		settable(1, "debug", 0, "What is logged of keys"),
		settable(2, "spi_try", 1000, "Number of trials for an index"),
		settable(3, "spi_min_value", 0x100, "Lowest index"),
		settable(4, "spi_max_value", 0x0fffffff, "Highest index"),
		settable(5, "random_int", 60, "Seconds between new seeds"),
		settable(6, "larval_lifetime", 30, "Seconds that an unfinished association lives"),
		settable(7, "blockacq_count", 10, "Messages that are held back"),
		settable(8, "blockacq_lifetime", 20, "Seconds that they are"),
		settable(9, "esp_keymin", 256, "Lowest length of ESP's keys"),
		settable(10, "esp_auth", 0, "Whether ESP authenticates"),
		settable(11, "ah_keymin", 128, "Lowest length of AH's keys"),
		settable(12, "prefered_oldsa", 0, "Whether older associations are preferred"),
		sysctlRefuse(13, "dumpsa", netbsd.ENOENT).says("Associations"),
		sysctlRefuse(14, "dumpsp", netbsd.ENOENT).says("Policies"),
		counters(created, "stats", 530, "PF_KEY statistics"),
		settableBool(15, "allow_different_idtype", false, "Whether kinds of identities may differ"),
	}
}

func bluetoothNodes() []sysctlNode {
	buffers := func(send int32, more ...sysctlNode) []sysctlNode {
		return append([]sysctlNode{
			settable(created, "sendspace", send, "Bytes of a buffer to send"),
			settable(created, "recvspace", 4096, "Bytes of a buffer to receive"),
		}, more...)
	}
	return []sysctlNode{
		sysctlDir(1, "hci", buffers(258,
			settable(created, "acl_expiry", 10, "Seconds that an idle connection lives"),
			settable(created, "memo_expiry", 600, "Seconds that a device is remembered"),
			settable(created, "eventq_max", 20, "Events that wait"),
			settable(created, "aclrxq_max", 50, "ACL packets that wait"),
			settable(created, "scorxq_max", 50, "SCO packets that wait"),
		)...).says("Controllers"),
		sysctlDir(2, "l2cap", buffers(4096,
			settable(created, "rtx", 30, "Seconds for a response"),
			settable(created, "ertx", 180, "Seconds for one that is on its way"),
		)...).says("Logical links"),
		sysctlDir(3, "rfcomm", buffers(4096,
			settable(created, "mtu_default", 127, "Bytes of a packet"),
			settable(created, "ack_timeout", 20, "Seconds for an acknowledgement"),
			settable(created, "mcc_timeout", 20, "Seconds for an answer"),
		)...).says("Serial lines"),
		sysctlDir(4, "sco", buffers(4096)...).says("Voice"),
	}
}
